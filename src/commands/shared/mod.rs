//! What the commands that expand manifests share: `rerun` finds the manifests that were meant, `prepare` turns them into prepared
//! plans, `session` runs them in live browsers with the page `server` of the manifest, `models` sees to what ONNX models need
//! before that, and `endpoints` asks what remote ones serve. `output` writes the files of those that read runs.
//!
//! Used by `run`, `tune`, `verify`, `render` and `plan`, by `export` and `report`, none of which names another command.

pub(super) mod endpoints;
mod logs;
pub(super) mod models;
pub(super) mod output;
pub(super) mod prepare;
pub(super) mod rerun;
pub(super) mod session;
mod server;
mod signals;
