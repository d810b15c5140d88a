//! A plan is the list of jobs that a manifest expands into; a job is one combination of axis values.
//!
//! Made from a `manifest` by `matrix`, thinned out by `select`, divided by `shard`, timed in advance by `estimate`. Used by every later stage.

pub mod estimate;
pub mod matrix;
pub mod select;
pub mod shard;

use std::fmt;

use crate::manifest::Manifest;
use crate::manifest::axes::JobAxes;

pub use crate::manifest::axes::{Cache, Workgroup};
pub use estimate::Estimate;
pub use select::{Filter, FilterError};
pub use shard::{Shard, ShardPart};

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
    /// Its place among all jobs of the manifest, from 1, whichever of them a plan has.
    pub number: usize,
    /// Of a shard: which of the blocks of the whole plan it is in. Jobs of unlike ones take no turns with each other.
    pub block: Option<usize>,
    /// Its values on the axes.
    pub axes: JobAxes,
    /// Why it can't run anywhere, known before a browser opens (engine and backend do not fit, say).
    pub unsupported_reason: Option<String>,
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
