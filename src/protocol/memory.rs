//! What a page says of the memory that a job takes.

use serde::{Deserialize, Serialize};

/// Buffers and textures of a job on its GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GpuMemory {
    /// Those that are neither destroyed nor collected.
    pub bytes: u64,
    /// The most that there were since the last reading.
    pub peak_bytes: u64,
    /// How many were made since then.
    pub made: u64,
    /// Inferences since then, also those that only kept the GPU busy.
    pub inferences: u64,
}
