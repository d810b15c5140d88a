//! A plan is the list of jobs that a manifest expands into; a job is one combination of axis values.
//!
//! Made from a `manifest` by `matrix`, thinned out by `select`, timed in advance by `estimate`; `graph` unfolds a job's model into tensors and stages, `given` evaluates what a model of ONNX is given. Used by every later stage.

pub mod estimate;
pub mod given;
pub mod graph;
pub mod matrix;
mod names;
pub mod select;

use std::fmt;

use indexmap::IndexMap;

use crate::manifest::axes::TUNED;
use crate::manifest::compiler::Values;
use crate::manifest::{AxisValue, Backend, Manifest};

pub use estimate::Estimate;
pub use select::{Filter, FilterError};

/// The jobs of one manifest in the order in which they run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the jobs came from.
    pub manifest: Manifest,
    /// The jobs, each with a distinct id.
    pub jobs: Vec<Job>,
}

/// One thing to run: what, where, and configured how.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The stable key.
    pub id: JobId,
    /// A key of `Manifest::browsers`.
    pub browser: String,
    /// A key of `Manifest::models`.
    pub model: String,
    /// What is asked to compute; default `webgpu`.
    pub backend: Backend,
    /// Pipelines all made before the first inference (true, the default) or each at its first use.
    pub shader_precompilation: bool,
    /// Parts of a model fetched at the same time (true, the default) or in turn.
    pub parallel_loading: bool,
    /// Default 64x1x1.
    pub workgroup_size: Workgroup,
    /// Number format of weights and activations; default `fp32`.
    pub dtype: String,
    /// Inputs computed together; default 1.
    pub batch: u32,
    /// Threads of the wasm backend; `None` leaves the choice to the engine.
    pub threads: Option<u32>,
    /// Which device a `WebNN` context is asked for; default `gpu`.
    pub webnn_device: String,
    /// Whether first-run figures are taken in a fresh session; default `warm`.
    pub cache: Cache,
    /// The user's own axes, in the order of `[axes]`.
    pub own: IndexMap<String, AxisValue>,
    /// Configurations of some kernels, which go before all else; only `gpujobs tune` sets them.
    pub chosen: Vec<Chosen>,
    /// Why it can't run anywhere, known before a browser opens (engine and backend do not fit, say).
    pub impossible: Option<String>,
}

/// A configuration that the stages of one kernel and size are to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The kernel, a key of `shaders/kernels.toml`.
    pub kernel: String,
    /// What it calls its size.
    pub size: Vec<u64>,
    /// x, y, z.
    pub workgroup: [u32; 3],
    /// All its parameters.
    pub values: Values,
}

/// The workgroup of a job's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workgroup {
    /// x, y, z, for all of them.
    Shape([u32; 3]),
    /// Each kernel its own, as tuning found it.
    Tuned,
}

impl Workgroup {
    /// The shape that is the same for all kernels.
    #[must_use]
    pub fn shape(self) -> Option<[u32; 3]> {
        match self {
            Self::Shape(shape) => Some(shape),
            Self::Tuned => None,
        }
    }
}

impl From<[u32; 3]> for Workgroup {
    fn from(shape: [u32; 3]) -> Self {
        Self::Shape(shape)
    }
}

impl fmt::Display for Workgroup {
    /// As in a job id: `128x2x1`, or `tuned`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape([x, y, z]) => write!(f, "{x}x{y}x{z}"),
            Self::Tuned => f.write_str(TUNED),
        }
    }
}

/// The state of the caches when a job starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cache {
    /// A fresh profile and session, GPU caches off.
    Cold,
    /// The session is reused.
    Warm,
}

impl Cache {
    /// As written in manifests and rows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
        }
    }
}

/// A stable readable key made of a job's axes, for instance
/// `chrome/whisper-tiny-encoder/webgpu/128x2x1/precompiled/unroll=4`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
