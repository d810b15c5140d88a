//! What a page is told of an ONNX file: what it takes and gives.

use serde::Serialize;

/// What an ONNX file declares.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "OnnxModel"))]
pub struct OnnxModelSpec {
    /// One of `files`.
    pub file: String,
    /// What it takes.
    pub inputs: Vec<PortSpec>,
    /// What it gives.
    pub outputs: Vec<PortSpec>,
}

/// An input or an output of an ONNX file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Port"))]
pub struct PortSpec {
    /// As the file names it.
    pub name: String,
    /// As onnxruntime-web names it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Each extent: fixed, open under a name, or not declared; null where not even the rank is.
    #[cfg_attr(test, ts(type = "(number | string | null)[] | null"))]
    pub dims: Option<Vec<DimSpec>>,
}

/// An extent.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum DimSpec {
    /// The same for every run.
    Fixed(usize),
    /// Given by the inputs.
    Named(String),
    /// Not declared.
    Unknown,
}
