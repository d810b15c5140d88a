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

/// Whether a text is one version of a package: what a range or a tag stands for changes from one day to the next.
#[must_use]
pub fn is_exact_version(version: &str) -> bool {
    let (numbers, rest) = version.split_once('-').map_or((version, None), |(a, b)| (a, Some(b)));
    let is_number = |part: &str| !part.is_empty() && part.len() <= 9 && part.chars().all(|c| c.is_ascii_digit());
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && rest.is_none_or(|rest| {
            !rest.is_empty()
                && rest.len() <= 60
                && rest.split('.').all(|part| !part.is_empty())
                && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        })
}
