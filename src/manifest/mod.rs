//! A manifest is the TOML file in which a user says what to compare: browsers, models, backends, shapes.
//!
//! `load` reads the file (`read`, `wording`), `edit` applies `--set` to its text, `schema` holds it exactly as written, `check` turns that
//! into the [`Manifest`] of this module and reports every error of the file at once; `library` finds the models that it
//! names and `model` does the same for their files. Used by `plan`.

pub mod axes;
mod check;
pub mod compiler;
mod edit;
mod excerpt;
pub mod hardware;
pub mod library;
mod load;
pub mod machine;
mod matrix_file;
pub mod model;
pub mod problem;
pub mod product;
pub mod read;
pub mod runtime;
pub mod schema;
pub mod serve;
pub mod session;
pub mod tune;
pub mod values;
mod wording;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

pub use compiler::CompilerSettings;
pub use load::ManifestErrors;
pub use model::Model;
pub use problem::{ManifestError, Problem};
pub use serve::Serve;

use crate::protocol::session::SessionSpec;
use crate::webdriver::BrowserSettings;

/// A checked manifest: every name resolved, every value in range.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file it came from.
    pub path: PathBuf,
    /// The text as read, after `--set`; kept in the run folder.
    pub source: String,
    /// `name`, which names run folders: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// `description`, or empty.
    pub description: String,
    /// `machine`, or what `--machine` says: the name of the machine that runs it; empty where nobody named it.
    pub machine: String,
    /// The axes of `[matrix]` in the order of the file, then those of `[axes]`.
    pub axes: Vec<Axis>,
    /// `[[matrix.exclude]]`: a job that matches all pairs of an entry is dropped.
    pub exclude: Vec<IndexMap<String, AxisValue>>,
    /// `[[matrix.include]]`: jobs outside the product, complete: where an entry does not name an axis, its default
    /// is filled in (of a custom axis: its first value), so that only `threads` can be absent.
    pub include: Vec<IndexMap<String, AxisValue>>,
    /// `[measure]`.
    pub measure: Measure,
    /// `[serve]`.
    pub serve: Serve,
    /// `[hardware]`: what the machine can do at most.
    pub hardware: hardware::Hardware,
    /// Settings of every browser that the matrix names, by the name used there.
    pub browsers: IndexMap<String, BrowserSettings>,
    /// Every model that the matrix names, by the name used there.
    pub models: IndexMap<String, Model>,
    /// Where the libraries of every `[runtime.NAME]` come from, by its name.
    pub runtimes: IndexMap<String, runtime::Runtime>,
    /// The options of every `[session.NAME]`, by its name.
    pub sessions: IndexMap<String, SessionSpec>,
    /// `templates = "DIR"` and `shaders = "DIR"` of the manifest, relative to the file: looked in before the built-in ones.
    pub templates: Option<PathBuf>,
    /// See `templates`.
    pub shaders: Option<PathBuf>,
    /// `models = "DIR"`, likewise: looked in before the model store.
    pub model_store: Option<PathBuf>,
    /// `[compiler]`: how kernels are fitted to a compiler.
    pub compiler: CompilerSettings,
    /// `[tune]`: what a search goes through.
    pub tune: tune::Tune,
}

/// One axis of the matrix: a name and the values that it takes, none twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The key, for instance `workgroup_size`.
    pub name: String,
    /// The values in the order of the file.
    pub values: Vec<AxisValue>,
    /// Whether it stands in `[axes]`, and is passed to templates as a variable.
    pub custom: bool,
}

/// A value of an axis.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(untagged)]
pub enum AxisValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A workgroup shape: x, y, z, each at least 1.
    Shape([u32; 3]),
}

impl fmt::Display for AxisValue {
    /// As in a job id and in a `--filter`: shapes are written `128x2x1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Shape([x, y, z]) => write!(f, "{x}x{y}x{z}"),
        }
    }
}

/// `[measure]`: how each job is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Inferences after the first one that are run and not counted, at least; 0 takes no warm-up.
    pub warmup: u32,
    /// When to stop taking samples.
    pub samples: Samples,
    /// Over how many rounds the samples are spread.
    pub rounds: u32,
    /// How many times a job is made ready in the course of its rounds, at most once a round: where its code and buffers
    /// come to lie is luck, which then averages out. `None` for as often as is cheap.
    pub instances: Option<u32>,
    /// Inferences in each sample, each submitted by itself, and one wait for all; `None` where a pilot finds out how many
    /// make a sample long.
    pub iterations: Option<u32>,
    /// Whether single inferences, each waited for, are timed as well.
    pub latency: bool,
    /// Whether what each kernel costs is measured after the samples.
    pub profile: bool,
    /// How long one job may take, start of the page to its result.
    pub timeout: Duration,
    /// How often a job that timed out or lost its browser is tried again.
    pub retries: u32,
    /// Backends tried in turn where the job's own is missing.
    pub fallback: Vec<Backend>,
    /// Whether a software adapter is a failure.
    pub require_hardware: bool,
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            warmup: 3,
            samples: Samples::default(),
            rounds: 10,
            instances: None,
            iterations: None,
            latency: false,
            profile: false,
            timeout: Duration::from_mins(1),
            retries: 1,
            fallback: vec![Backend::Wasm],
            require_hardware: false,
        }
    }
}

/// How many samples of the steady state are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Samples {
    /// At least this many.
    pub min: u32,
    /// At most this many.
    pub max: u32,
    /// Stop between `min` and `max` when the 95 % interval of the median is within this share of it, 0 to 1.
    pub precision: Option<f64>,
}

impl Default for Samples {
    fn default() -> Self {
        Self { min: 10, max: 100, precision: Some(0.02) }
    }
}

/// What computes, the default first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Backend {
    /// `navigator.gpu`.
    Webgpu,
    /// `navigator.ml`.
    Webnn,
    /// WebAssembly on the CPU.
    Wasm,
}
