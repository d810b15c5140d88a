//! What computes, as a page says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What computes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, strum::Display, strum::IntoStaticStr, JsonSchema,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum AdapterKind {
    /// A GPU.
    Hardware,
    /// The browser's rasteriser on the CPU.
    Software,
    /// The browser does not say which.
    Unknown,
}

/// `GPUAdapterInfo`, and what it makes of the adapter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AdapterFacts {
    /// `info.vendor`; empty where the browser hides it.
    pub vendor: String,
    /// `info.architecture`.
    pub architecture: String,
    /// `info.device`.
    pub device: String,
    /// `info.description`.
    pub description: String,
    /// `info.backend`, which is not in the specification; empty in runs of older versions too.
    #[serde(default)]
    pub backend: String,
    /// `info.driver`: the same holds.
    #[serde(default)]
    pub driver: String,
    /// From `info.isFallbackAdapter`.
    pub kind: AdapterKind,
}
