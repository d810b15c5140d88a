//! What the commands that expand manifests share: `rerun` finds the manifests that were meant, `prepare` turns them into
//! prepared plans, `session` runs them in
//! live browsers, and `models` sees to what ONNX models need before that.
//!
//! Used by `run`, `tune`, `verify`, `render` and `plan`, none of which names another command.

mod logs;
pub(super) mod models;
pub(super) mod prepare;
pub(super) mod rerun;
pub(super) mod session;
mod signals;
