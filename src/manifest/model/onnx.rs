//! What runs in onnxruntime-web, by itself or through transformers.js, before a job's values are known.

use std::path::PathBuf;

use toml::Spanned;

use super::Expr;
use super::stages::{ArrayFile, InputValues};
use super::tasks::Task;

/// A pipeline of transformers.js.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// What it does.
    pub task: &'static Task,
    /// A folder under the model store, which is also its id on the hub.
    pub id: String,
    /// What is given to it, in the order of the task's inputs.
    pub given: Vec<Given>,
    /// Passed to each call as they are, for instance `pooling`.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// The name of its ONNX file, without dtype and ending; `None` where it has the usual one.
    pub file_name: Option<String>,
    /// The folder of its ONNX files below the model's; empty for that itself.
    pub subfolder: String,
    /// Texts are cut to so many tokens.
    pub tokens: Option<Expr>,
}

/// An input of a pipeline; one of as many as the job's batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// So many words of a seeded text.
    Words(Expr),
    /// These texts; the batch repeats them.
    Texts(Vec<String>),
    /// Candidate labels, the same for the whole batch.
    Labels(Vec<String>),
    /// So many samples of a voice-like sound.
    Speech(Expr),
    /// A seeded image of this width and height.
    Picture(Expr, Expr),
    /// A text, a WAV, a PNG or a JPEG.
    File(PathBuf),
}

/// An ONNX file in onnxruntime-web.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxFile {
    /// Relative to the model's own file, else under the model store.
    pub file: PathBuf,
    /// How some of its inputs are filled; the others by what the file declares.
    pub feeds: Vec<Feed>,
    /// Outputs that are compared with files instead of native onnxruntime's.
    pub expect: Vec<OutputFile>,
}

/// How an input of an ONNX file is filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Its name.
    pub name: Spanned<String>,
    /// Extents where the file leaves them open.
    pub shape: Option<Vec<Expr>>,
    /// Its values; `None` where its type decides.
    pub values: Option<InputValues>,
}

/// What an output of an ONNX file must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputFile {
    /// The output's name.
    pub name: Spanned<String>,
    /// Its values.
    pub file: ArrayFile,
    /// Largest error of a float, as a share of its size or of the root mean square of all; `None` for that of the dtype.
    pub tolerance: Option<f64>,
    /// Largest error of a float whatever the sizes.
    pub absolute: f64,
}
