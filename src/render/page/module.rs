//! What the page of a user's JS module holds: the program with its folder, the packages that it imports, its files, and what it
//! is given.

mod scan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::context;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::onnx::{UP, UP_OF_RENDERED, feed_spec};
use super::remembered::{file_digest, signature_of, unreadable};
use super::{PageError, short_digest, with_weights};
use crate::graph::inputs::{Feeds, numbers};
use crate::graph::{Graph, GraphError, JobVars, TensorRole};
use crate::manifest::model::module::{Expected, ExpectedModel};
use crate::manifest::model::{Element, Module, OutputFile, Program, is_plain_path};
use crate::manifest::problem::{listed, nearest, with_near};
use crate::manifest::{AxisValue, Manifest, ManifestError, Model, Problem};
use crate::plan::Job;
use crate::protocol::job::{Common, ServedFile};
use crate::protocol::module::ModuleJob;
use crate::reference::made;
use crate::reference::onnx::{ElementType, Port, Tensor};
use crate::render::{RenderError, Templates};
use crate::store::model_files::{MissingFile, beside_or_stored};
use crate::store::packages::Packages;
use crate::user_file;

/// Where pages find the folder of the program, …
const FOLDER: &str = "module/";
/// … and the packages, each below its number.
const PACKAGES: &str = "packages/";

/// A job of the engine `module`.
#[derive(Debug, Clone)]
pub struct ModulePage {
    /// The folder of the program.
    pub folder: PathBuf,
    /// The program and the files in its folder whose names stand in it, or in one of those, by their paths below the folder.
    pub program: BTreeMap<String, PathBuf>,
    /// The files that the model's manifest names, by these names.
    pub files: IndexMap<String, PathBuf>,
    /// The packages that it imports; none where they are not installed, which is found out before a browser opens.
    pub packages: Packages,
    /// What it is given.
    pub inputs: Vec<Tensor>,
    /// What its outputs must hold.
    pub expect: Vec<ExpectedOutput>,
    spec: ModuleJob,
}

/// What an output must hold.
#[derive(Debug, Clone)]
pub struct ExpectedOutput {
    /// Its name.
    pub name: String,
    /// Where that is from.
    pub source: ExpectedSource,
    /// Largest error of a float, as a share; `None` for that of the dtype.
    pub tolerance: Option<f64>,
    /// Largest error of a float whatever the sizes.
    pub absolute: f64,
}

/// Where the values of an output are from.
#[derive(Debug, Clone)]
pub enum ExpectedSource {
    /// A file.
    File(Box<OutputFile>),
    /// An output of stages, which the references in Rust compute.
    Graph(Arc<Graph>, usize),
    /// An output of an ONNX file, which native onnxruntime computes.
    Onnx(PathBuf, String),
}

impl ModulePage {
    pub(super) fn of(
        manifest: &Manifest,
        model: &Model,
        module: &Module,
        job: &Job,
        common: Common,
    ) -> Result<Self, PageError> {
        let (folder, name) = program(model, module)?;
        let program = closure(model, module, &folder, &name)?;
        let files = files(manifest, model, module)?;
        let vars = JobVars::of(job);
        let inputs = inputs(model, module, &vars)?;
        let expect = module.expect.iter().map(|expected| expectation(manifest, model, expected, &inputs, &vars));
        let expect = expect.collect::<Result<Vec<_>, PageError>>()?;
        let packages = Packages::of(module).unwrap_or_default();
        let sized = |(path, place): (&String, &PathBuf)| {
            let bytes = user_file::regular(place).map_err(unreadable(place))?.len();
            Ok::<_, PageError>(ServedFile { path: path.clone(), bytes })
        };
        let spec = ModuleJob {
            common,
            folder: FOLDER,
            program: name,
            libraries: packages.versions(),
            packages: packages.folders(PACKAGES),
            root: "files/",
            files: files.iter().map(sized).collect::<Result<_, _>>()?,
            inputs: inputs.iter().map(feed_spec).collect(),
            expected: expect.iter().map(|one| one.name.clone()).collect(),
            params: params(model, &vars)?,
            batch: job.axes.batch,
            dtype: job.axes.dtype.clone(),
            workgroup: job.axes.workgroup_size.shape(),
            threads: job.axes.threads,
            webnn_device: job.axes.webnn_device.clone(),
        };
        Ok(Self { folder, program, files, packages, inputs, expect, spec })
    }

    /// The job's own module.
    pub(super) fn module(&self, templates: &Templates) -> Result<String, RenderError> {
        templates.render("templates/job.js", context! { job => Serde(&self.spec) })
    }

    /// The import map of its document.
    pub(super) fn imports(&self) -> String {
        let mut map = serde_json::json!({ "imports": { "gpujobs/": format!("{UP}harness/") } });
        self.packages.add_to(&mut map, &format!("./{PACKAGES}"));
        map.to_string()
    }

    /// The same of a page in a folder of rendered jobs.
    #[must_use]
    pub fn rendered_imports(&self) -> String {
        let mut map = serde_json::json!({
            "imports": { "gpujobs/": format!("{UP_OF_RENDERED}harness/"), "gpujobs/job.js": "./job.js" }
        });
        self.packages.add_to(&mut map, &format!("./{PACKAGES}"));
        map.to_string()
    }

    /// SHA-256 of the program, its libraries' versions and its files, the first 16 hexadecimal digits.
    pub fn digest(&self) -> Result<String, PageError> {
        let mut hash = Sha256::new();
        for place in self.program.values().chain(self.files.values()) {
            hash.update(file_digest(place)?);
        }
        self.spec.libraries.iter().for_each(|library| hash.update(library.as_bytes()));
        Ok(short_digest(hash))
    }
}

/// The folder of the program, and its name there.
fn program(model: &Model, module: &Module) -> Result<(PathBuf, String), PageError> {
    let path = model.path.parent().unwrap_or(Path::new("")).join(module.file.get_ref());
    let fail = |message: String, label: &str, help: &str| {
        let problem = Problem::at(module.file.span(), message, label.to_owned()).help(help.to_owned());
        Err(GraphError::of_model(model, problem).into())
    };
    if let Err(error) = user_file::regular(&path) {
        let message = format!("{} can't be read: {error}", path.display());
        return fail(message, "no such file", "the path of an ES module, relative to this file");
    }
    let folder = path.parent().unwrap_or(Path::new("")).join("");
    let leads_out = |folder: &Path| !path.canonicalize().is_ok_and(|path| path.starts_with(folder));
    if folder.canonicalize().map_or(true, |folder| leads_out(&folder)) {
        let message = format!("{} is a link that leads out of its folder", path.display());
        return fail(message, "a link", "put the file itself there: pages load nothing from outside the folder");
    }
    Ok((folder, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// A file in the folder of a program that its pages may load; `None` for what is not there, and for what a link leads out to.
#[must_use]
pub fn beside(folder: &Path, path: &str) -> Option<PathBuf> {
    if !is_plain_path(path) {
        return None;
    }
    let file = folder.join(path).canonicalize().ok()?;
    (file.is_file() && file.starts_with(folder.canonicalize().ok()?)).then_some(file)
}

/// The program and what it names of its folder, and so on; an import that leads nowhere is an error at its place.
fn closure(
    model: &Model,
    module: &Module,
    folder: &Path,
    name: &str,
) -> Result<BTreeMap<String, PathBuf>, PageError> {
    let mut found = BTreeMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(path) = open.pop() {
        let place = folder.join(&path);
        if found.insert(path.clone(), place.clone()).is_some() || !is_script(&path) {
            continue;
        }
        let bytes = user_file::read(&place).map_err(unreadable(&place))?;
        // The browser says what it makes of a text that is none.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let scanned = scan::scan(&text);
        let problems: Vec<Problem> = scanned
            .imports
            .iter()
            .filter_map(|(name, span)| Some(leads_nowhere(module, folder, &path, name)?.at(span.clone())))
            .collect();
        if !problems.is_empty() {
            let message = format!("model `{}`: {}: {}", model.name, place.display(), problems[0]);
            let file = Box::new(ManifestError::new(&place, &text, problems));
            return Err(GraphError::Faulty { message, file }.into());
        }
        let named = scanned.texts.iter().filter_map(|text| inside(&path, text));
        open.extend(named.filter(|path| beside(folder, path).is_some()));
    }
    Ok(found)
}

fn is_script(path: &str) -> bool {
    matches!(Path::new(path).extension().and_then(|end| end.to_str()), Some("js" | "mjs"))
}

/// The path below the program's folder that a relative one stands for in one of its files; `None` where it leads out.
fn inside(from: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    is_plain_path(&path).then_some(path)
}

/// Why an import leads nowhere.
struct Nowhere {
    message: String,
    label: String,
    help: String,
}

impl Nowhere {
    fn at(self, span: std::ops::Range<usize>) -> Problem {
        Problem::at(span, self.message, self.label).help(self.help)
    }
}

fn leads_nowhere(module: &Module, folder: &Path, from: &str, name: &str) -> Option<Nowhere> {
    if name.starts_with("./") || name.starts_with("../") {
        let (label, help) = match inside(from, name) {
            Some(path) if beside(folder, &path).is_some() => return None,
            Some(path) if folder.join(&path).exists() => {
                ("a link that leads out", "put the file itself there".to_owned())
            }
            Some(path) => ("not there", format!("{} would be it", folder.join(path).display())),
            None => ("outside", format!("pages load what lies in {}, and nothing else", folder.display())),
        };
        return Some(Nowhere { message: format!("the import of {name:?} leads nowhere"), label: label.to_owned(), help });
    }
    // The browser has its own mind of addresses; no page gets anything from elsewhere.
    let package = || {
        let parts = if name.starts_with('@') { 2 } else { 1 };
        name.split('/').take(parts).collect::<Vec<_>>().join("/")
    };
    if name.contains(':') || name.starts_with('/') {
        return Some(Nowhere {
            message: format!("the import of {name:?} leads out of the page's server"),
            label: "an address".to_owned(),
            help: "name the package in `libraries` of the model's file, and import it by its name".to_owned(),
        });
    }
    let known: Vec<&str> = module.libraries.keys().map(|name| name.get_ref().as_str()).collect();
    let package = package();
    if known.contains(&package.as_str()) {
        return None;
    }
    let near = nearest(&package, known.iter().copied());
    let has = if known.is_empty() { "none yet".to_owned() } else { listed(&known) };
    let help = format!(
        "`libraries` of the model's file says where packages are from, and has {has}: add {package:?} = \"VERSION\" there, \
         and `gpujobs setup MANIFEST` installs it"
    );
    Some(Nowhere {
        message: format!("the import of {name:?} is of no library of the model"),
        label: "not known".to_owned(),
        help: with_near(near, &help),
    })
}

/// The files that the model's manifest names.
fn files(manifest: &Manifest, model: &Model, module: &Module) -> Result<IndexMap<String, PathBuf>, MissingFile> {
    let place = |name: &Spanned<String>| {
        Ok((name.get_ref().clone(), beside_or_stored(manifest, model, Path::new(name.get_ref()))?))
    };
    module.files.iter().map(place).collect()
}

/// What it is given, made or read.
fn inputs(model: &Model, module: &Module, vars: &JobVars) -> Result<Vec<Tensor>, PageError> {
    let feeds = Feeds::of_feeds(model, module.inputs.iter().map(|input| &input.feed), vars)?;
    let ports: Vec<Port> = module
        .inputs
        .iter()
        .map(|input| {
            let kind = match input.element {
                Element::F32 => ElementType::F32,
                Element::F16 => ElementType::F16,
                Element::I32 => ElementType::I32,
                Element::U32 => ElementType::U32,
            };
            Port { name: input.feed.name.get_ref().clone(), kind, dims: None }
        })
        .collect();
    made::feeds(&ports, &feeds).map_err(|error| {
        let made::MadeError::Feed { input, message } = &error else { return error.into() };
        let Some(entry) = module.inputs.iter().find(|one| one.feed.name.get_ref() == input) else { return error.into() };
        let problem = Problem::at(entry.feed.name.span(), format!("input `{input}`: {message}"), "this input");
        GraphError::of_model(model, problem).into()
    })
}

/// Numbers and texts by which jobs of a model differ.
fn params(model: &Model, vars: &JobVars) -> Result<serde_json::Map<String, serde_json::Value>, GraphError> {
    let whole = |value: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
    };
    let mut params: serde_json::Map<_, _> =
        numbers(model, vars)?.into_iter().map(|(name, value)| (name, whole(value))).collect();
    for (name, value) in &vars.custom {
        match value {
            AxisValue::Bool(value) => drop(params.insert(name.clone(), (*value).into())),
            AxisValue::Text(text) => drop(params.insert(name.clone(), text.clone().into())),
            AxisValue::Int(_) | AxisValue::Float(_) | AxisValue::Shape(_) => {}
        }
    }
    Ok(params)
}

/// What an output must hold; an error where the model that it is compared with takes other inputs or has no such output.
fn expectation(
    manifest: &Manifest,
    model: &Model,
    expected: &Expected,
    inputs: &[Tensor],
    vars: &JobVars,
) -> Result<ExpectedOutput, PageError> {
    let name = expected.name().get_ref().clone();
    Ok(match expected {
        Expected::File(file) => ExpectedOutput {
            name,
            tolerance: file.tolerance,
            absolute: file.absolute,
            source: ExpectedSource::File(Box::new(file.clone())),
        },
        Expected::Model(other) => ExpectedOutput {
            name,
            tolerance: other.tolerance,
            absolute: other.absolute,
            source: of_model(manifest, model, other, inputs, vars)?,
        },
    })
}

fn of_model(
    manifest: &Manifest,
    model: &Model,
    expected: &ExpectedModel,
    inputs: &[Tensor],
    vars: &JobVars,
) -> Result<ExpectedSource, PageError> {
    let fail = |message: String, label: &str, help: String| -> PageError {
        let problem = Problem::at(expected.model.span(), message, label.to_owned()).help(help);
        GraphError::of_model(model, problem).into()
    };
    let name = expected.model.get_ref();
    let wanted = expected.output.as_ref().unwrap_or(expected.name.get_ref());
    let other = manifest.models.get(name).ok_or_else(|| PageError::Model(name.clone()))?;
    let takes = |input: &str, shape: Option<&[usize]>| {
        let Some(own) = inputs.iter().find(|tensor| tensor.name() == input) else {
            let help = format!("give the module an `[[input]]` of this name, which both then compute with");
            return Err(fail(format!("model `{name}` takes an input `{input}`"), "the module has none", help));
        };
        match shape {
            Some(shape) if own.shape() != shape => {
                let label = format!("the module's is {:?}", own.shape());
                let help = "both compute with the same input".to_owned();
                Err(fail(format!("model `{name}` takes `{input}` as {shape:?}"), &label, help))
            }
            _ => Ok(()),
        }
    };
    let no_output = |known: &[&str]| {
        let help = format!("its outputs are {}: write `output = \"NAME\"` beside `model`", listed(known));
        fail(format!("model `{name}` has no output `{wanted}`"), "no such output", help)
    };
    match &other.program {
        Program::Stages(stages) => {
            let found = with_weights(manifest, other, stages)?;
            let graph = Graph::of(found.as_ref().unwrap_or(other), vars)?;
            for tensor in graph.tensors.iter().filter(|tensor| matches!(tensor.role, TensorRole::Input(_))) {
                takes(&tensor.name, Some(&tensor.shape))?;
            }
            let Some(id) = graph.outputs.iter().copied().find(|id| graph.tensors[*id].name == *wanted) else {
                let known: Vec<&str> = graph.outputs.iter().map(|id| graph.tensors[*id].name.as_str()).collect();
                return Err(no_output(&known));
            };
            Ok(ExpectedSource::Graph(Arc::new(graph), id))
        }
        Program::OnnxFile(file) => {
            let path = beside_or_stored(manifest, other, &file.file)?;
            let signature = signature_of(&path)?;
            for port in &signature.inputs {
                takes(&port.name, None)?;
            }
            if !signature.outputs.iter().any(|port| port.name == *wanted) {
                let known: Vec<&str> = signature.outputs.iter().map(|port| port.name.as_str()).collect();
                return Err(no_output(&known));
            }
            Ok(ExpectedSource::Onnx(path, wanted.clone()))
        }
        Program::Pipeline(_) | Program::Module(_) => Err(PageError::Model(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_stays_in_the_folder() {
        assert_eq!(inside("a/b.js", "./c.js").as_deref(), Some("a/c.js"));
        assert_eq!(inside("a/b.js", "../c.js").as_deref(), Some("c.js"));
        for out in ["../../c.js", "../../../c.js", ".c.js", "./.git/x.js", "a//b.js", "", "%2e%2e/c.js"] {
            assert_eq!(inside("a/b.js", out), None, "{out}");
        }
    }
}
