//! What the page of a user's JS module holds: the program with its folder, the packages that it imports, its files, and what it
//! is given.

mod expected;
mod imports;
mod scan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use minijinja::context;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::onnx::{UP, UP_OF_RENDERED, feed_spec};
use super::remembered::{file_digest, unreadable};
use super::{PageError, short_digest};
use crate::graph::inputs::{Feeds, numbers};
use crate::graph::{GraphError, JobVars};
use crate::manifest::model::{Element, Module};
use crate::manifest::{AxisValue, Manifest, Model, Problem};
use crate::plan::Job;
use crate::protocol::job::{Common, ServedFile};
use crate::protocol::module::ModuleJob;
use crate::reference::made;
use crate::reference::onnx::{ElementType, Port, Tensor};
use crate::render::{RenderError, Templates};
use crate::store::model_files::{MissingFile, beside_or_stored};
use crate::store::packages::Packages;
use crate::user_file;

pub use expected::{ExpectedOutput, ExpectedSource};
pub use imports::beside;

use expected::expectation;
use imports::{closure, program};

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
        let Some(entry) = module.inputs.iter().find(|one| one.feed.name.get_ref() == input) else {
            return error.into();
        };
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
