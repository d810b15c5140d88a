//! What fits a kernel to the compiler and adapter that it meets: `[compiler]` of a manifest, and the winners that
//! `gpujobs tune` writes.
//!
//! A browser compiles WGSL with tint, naga or WebKit's own compiler, and each likes other code. Kernels declare their
//! parameters in `shaders/kernels.toml`; a manifest sets some of them for a compiler, and a file of winners sets them all
//! for a size. Used by `render`.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::AxisValue;
use super::problem::{ManifestError, Problem};
use crate::protocol::adapter::AdapterKind;
use crate::webdriver::Compiler;

/// Values of a kernel's parameters by their names.
pub type Values = IndexMap<String, AxisValue>;

/// `[compiler]`, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CompilerSettings {
    /// The files of `tuned = "FILE"`.
    pub tuned: Vec<PathBuf>,
    /// Winners of `tuned = "FILE"`, those of the first file first; they go before the built-in ones.
    pub winners: Vec<Winner>,
    /// `[compiler.COMPILER.KERNEL]`: values by compiler and kernel; they go before any winner's.
    pub set: Vec<(Compiler, String, Values)>,
}

/// The best configuration of a kernel that was found for a size, in a browser, on an adapter.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Winner {
    /// The kernel, a key of `shaders/kernels.toml`.
    pub kernel: String,
    /// What compiled it.
    pub compiler: Compiler,
    /// `hardware`, `software` or `unknown`.
    pub adapter_kind: AdapterKind,
    /// The adapter as the browser names it (vendor, architecture); empty where it names none.
    #[serde(default)]
    pub adapter: String,
    /// Number format of the job.
    #[serde(default = "fp32")]
    pub dtype: String,
    /// What the kernel calls its `size`: for a product rows, columns and depth.
    pub size: Vec<u64>,
    /// Its workgroup.
    pub workgroup_size: [u32; 3],
    /// Values of its parameters; one that is absent has its default.
    #[serde(default)]
    pub parameters: Values,
    /// Median of an inference, in ms, with its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<f64>,
    /// See `median_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_ms: Option<f64>,
    /// See `median_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_ms: Option<f64>,
    /// The same of the default configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ms: Option<f64>,
}

fn fp32() -> String {
    super::axes::DTYPES[0].to_owned()
}

/// A file of winners as written.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WinnersFile {
    /// One for each kernel, size, compiler and adapter.
    #[serde(default, rename = "winner")]
    pub winners: Vec<Winner>,
}

/// The winners in a file's text; the error shows the place.
pub fn winners(path: &Path, text: &str) -> Result<Vec<Winner>, ManifestError> {
    toml::from_str::<WinnersFile>(text).map(|file| file.winners).map_err(|error| {
        let problem = match error.span() {
            Some(span) => Problem::at(span, error.message().to_owned(), "here"),
            None => Problem::whole(error.message().to_owned()),
        };
        ManifestError::new(path, text, vec![problem.help("files of winners are written by `gpujobs tune`")])
    })
}
