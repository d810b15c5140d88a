//! What runs a JS module of the user's, before a job's values are known.

use std::path::PathBuf;

use indexmap::IndexMap;
use toml::Spanned;

use super::element::Element;
use super::onnx::{Feed, OutputFile};

/// A program of the user's, which a page loads as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// The ES module, relative to the model's own file.
    pub file: Spanned<String>,
    /// The packages that it may import, by their names.
    pub libraries: IndexMap<Spanned<String>, Library>,
    /// Files that it loads, relative to the model's own file, else under the model store.
    pub files: Vec<Spanned<String>>,
    /// What it is given.
    pub inputs: Vec<ModuleInput>,
    /// What its outputs must hold.
    pub expect: Vec<Expected>,
}

/// A package of npm's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Where it is from.
    pub source: LibrarySource,
    /// Which of its files is imported by its name; `None` for the one that its `package.json` names.
    pub entry: Option<String>,
}

/// Where a package is from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LibrarySource {
    /// The registry, in exactly this version.
    Version(String),
    /// A folder: the package itself, or one that has it, by itself or in its `node_modules`.
    Folder(PathBuf),
}

/// An input with its type, which no file declares.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleInput {
    /// Name, shape and values.
    pub feed: Feed,
    /// How its values are stored.
    pub element: Element,
}

/// What an output must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// What a file says.
    File(OutputFile),
    /// What gpujobs computes of another model.
    Model(ExpectedModel),
}

/// An output that another model has as well, which gpujobs computes itself from the same inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedModel {
    /// The output's name.
    pub name: Spanned<String>,
    /// That model's name in the matrix.
    pub model: Spanned<String>,
    /// Its output; by default the one of the same name.
    pub output: Option<String>,
    /// See [`OutputFile::tolerance`].
    pub tolerance: Option<f64>,
    /// See [`OutputFile::absolute`].
    pub absolute: f64,
}

impl Expected {
    /// The output's name.
    #[must_use]
    pub fn name(&self) -> &Spanned<String> {
        match self {
            Self::File(file) => &file.name,
            Self::Model(model) => &model.name,
        }
    }
}
