//! A runtime is which versions of the JavaScript libraries run a job: `[runtime.NAME]`, chosen by the axis `runtime`.
//!
//! Read here, checked by `check`; `serve` knows where such libraries lie, and `setup` installs them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::At;

/// Versions of the libraries that run models of ONNX, or a folder that has them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeFile {
    /// The version of onnxruntime-web, such as "1.30.0"; by default the one that transformers.js asks for.
    pub onnxruntime: Option<At<String>>,
    /// The version of transformers.js, such as "4.3.1"; by default the one that gpujobs comes with.
    pub transformers: Option<At<String>>,
    /// A folder, relative to this file, that holds `onnxruntime-web/dist` or `@huggingface/transformers/dist`, by itself or in its `node_modules`.
    pub path: Option<At<String>>,
}

/// Where the libraries of a job come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// The npm registry; what has no version here is what it would be without.
    Versions {
        /// Of onnxruntime-web.
        onnxruntime: Option<String>,
        /// Of transformers.js.
        transformers: Option<String>,
    },
    /// This folder, laid out as `node_modules` is.
    Folder(PathBuf),
}
