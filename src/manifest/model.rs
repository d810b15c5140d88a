//! A model is data: a manifest of stages over named tensors, of an ONNX model, or of a JS module, with what is given to it.
//!
//! `schema` holds the file exactly as written, `check` turns it into the [`Model`] of this module and reports every
//! error at once, `expr` holds the expressions that stay open until a job is known; `stages`, `onnx` and `module` hold what is
//! the engines' own, `tasks` what transformers.js can be asked to do. Used by `plan`, which evaluates the expressions with a
//! job's variables.

pub mod check;
pub mod element;
pub mod expr;
pub mod module;
pub mod number;
pub mod onnx;
pub mod schema;
pub mod stages;
pub mod tasks;
pub mod texture;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

pub use element::Element;
pub use expr::Expr;
pub use module::{Library, LibrarySource, Module};
pub use onnx::{Feed, Given, OnnxFile, OutputFile, Pipeline};
pub use stages::Stages;
pub use texture::TextureFormat;

use super::problem;
use super::problem::ManifestError;
use super::read;

/// A checked model manifest; its expressions are evaluated for each job.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name in the matrix.
    pub name: String,
    /// The file it came from; files that it names are relative to its folder.
    pub path: PathBuf,
    /// The text of that file, for errors that only a job's values bring to light.
    pub source: Arc<str>,
    /// What kind of data it works on.
    pub family: Family,
    /// What it is for, for instance `automatic-speech-recognition`.
    pub task: Option<String>,
    /// One line for people.
    pub description: String,
    /// Numbers that a job's manifest, or a custom axis of the same name, may override.
    pub params: IndexMap<String, f64>,
    /// Whole numbers computed from params, the dims before them and the job's variables.
    pub dims: IndexMap<String, Expr>,
    /// What runs.
    pub program: Program,
}

/// What runs, by the engine that runs it.
#[derive(Debug, Clone, PartialEq)]
pub enum Program {
    /// `wgsl`.
    Stages(Stages),
    /// `transformers`.
    Pipeline(Pipeline),
    /// `onnxruntime`.
    OnnxFile(OnnxFile),
    /// `module`.
    Module(Module),
}

/// What kind of data a model works on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Family {
    /// Tokens.
    Text,
    /// Images.
    Vision,
    /// Sound.
    Audio,
    /// More than one of the others.
    Multimodal,
}

/// What runs a model.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Engine {
    /// Stages rendered to WGSL by gpujobs itself.
    Wgsl,
    /// A pipeline of transformers.js.
    Transformers,
    /// A file in onnxruntime-web.
    Onnxruntime,
    /// A JS module of the user's.
    Module,
}

/// Whether a text is a path below some folder that a page may ask for as it stands: no part of it begins with a dot, and none
/// has a letter that an address would write otherwise.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+@".contains(c))
    })
}

impl Model {
    /// What runs it.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &self.program {
            Program::Stages(_) => Engine::Wgsl,
            Program::Pipeline(_) => Engine::Transformers,
            Program::OnnxFile(_) => Engine::Onnxruntime,
            Program::Module(_) => Engine::Module,
        }
    }

    /// Whether it runs in onnxruntime-web, whose files must be installed.
    #[must_use]
    pub fn needs_libraries(&self) -> bool {
        matches!(self.program, Program::Pipeline(_) | Program::OnnxFile(_))
    }

    /// Reads and checks a model manifest; `path` is named in errors and is what its files are relative to.
    pub fn parse(name: &str, path: &Path, text: &str) -> Result<Self, ManifestError> {
        let (file, problems) = read::read::<schema::ModelFile>(text);
        match check::check(name, (path, text), &file, &problems) {
            Ok(model) if problems.is_empty() => Ok(model),
            Ok(_) => Err(ManifestError::new(path, text, problems)),
            Err(found) => Err(ManifestError::new(path, text, problems.into_iter().chain(found).collect())),
        }
    }

    /// The model with some params replaced; a name that is not a param is an error that lists the known ones.
    pub fn with_params(&self, overrides: &IndexMap<String, f64>) -> Result<Self, String> {
        let mut model = self.clone();
        for (name, value) in overrides {
            let Some(param) = model.params.get_mut(name) else {
                return Err(self.unknown_param(name));
            };
            if !value.is_finite() {
                return Err(format!(
                    "parameter `{name}` of model `{}` must be a finite number, not {value}",
                    self.name
                ));
            }
            *param = *value;
        }
        Ok(model)
    }

    fn unknown_param(&self, name: &str) -> String {
        let known: Vec<&str> = self.params.keys().map(String::as_str).collect();
        let model = &self.name;
        if known.is_empty() {
            return format!("model `{model}` has no parameters, so `{name}` can't be set");
        }
        let hint = problem::nearest(name, known.iter().copied())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!("model `{model}` has no parameter `{name}`{hint} (it has {})", problem::listed(&known))
    }
}
