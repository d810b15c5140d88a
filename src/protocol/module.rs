//! A job of a JS module of the user's, as the page reads it.
//!
//! Made by `render`, read by `templates/harness/engine_module.js`.

use indexmap::IndexMap;
use serde::Serialize;

use super::job::{Common, OnnxInputSpec, ServedFile};

/// A job of the engine `module`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ModuleJob {
    /// See there.
    #[serde(flatten)]
    pub common: Common,
    /// The program's folder, relative to the page.
    pub folder: &'static str,
    /// The program, below it.
    pub program: String,
    /// The libraries that it names, each with its version, for people.
    pub libraries: Vec<String>,
    /// Where their folders are, relative to the page, by their names.
    #[cfg_attr(test, ts(type = "{ [name: string]: string }"))]
    pub packages: IndexMap<String, String>,
    /// Where its files are, relative to the page.
    pub root: &'static str,
    /// The files that it loads; no others exist there.
    pub files: Vec<ServedFile>,
    /// What it is given.
    pub inputs: Vec<OnnxInputSpec>,
    /// The outputs that something says the values of.
    pub expected: Vec<String>,
    /// Parameters, dims and custom axes.
    #[cfg_attr(test, ts(type = "{ [name: string]: number | string | boolean }"))]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Inputs computed together.
    pub batch: u32,
    /// Number format.
    pub dtype: String,
    /// x, y and z of the axis `workgroup_size`; null for `tuned`.
    pub workgroup: Option<[u32; 3]>,
    /// Of wasm; null where the module chooses.
    pub threads: Option<u32>,
    /// Which device a `WebNN` context is asked for.
    #[cfg_attr(test, ts(type = "\"cpu\" | \"gpu\" | \"npu\""))]
    pub webnn_device: String,
}
