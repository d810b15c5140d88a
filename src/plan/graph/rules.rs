//! What each known op asks of its tensors, and how much arithmetic it does.
//!
//! A rule is a function from a stage's shapes to its FLOPs or a [`Complaint`]; an op without one is the user's own.

mod attention;
mod elementwise;
mod images;
mod products;
mod rows;
mod spectral;
mod tokens;
mod view;

use self::view::{Checked, Complaint, View};
use super::{GraphError, Stage, Tensor};
use crate::units::Flops;

/// The ops with a rule, a shader and a reference.
pub const KNOWN_OPS: [&str; 22] = [
    "attention",
    "attention_context",
    "attention_scores",
    "axpy",
    "batch_matmul",
    "conv1d",
    "conv2d",
    "copy",
    "embedding",
    "gelu",
    "layer_norm",
    "linear",
    "log_mel_scale",
    "matmul",
    "max",
    "mean_pool",
    "mel_log",
    "patch_embed",
    "select_row",
    "softmax",
    "stft_power",
    "sum",
];

/// The FLOPs of `stage`, `None` for an op of the user's own; an error when its tensors do not fit its op.
pub(super) fn check(model: &str, stage: &Stage, tensors: &[Tensor]) -> Result<Option<Flops>, GraphError> {
    let rule: fn(&View<'_>) -> Checked = match stage.op.as_str() {
        "attention" => attention::attention,
        "attention_context" => attention::attention_context,
        "attention_scores" => attention::attention_scores,
        "axpy" => elementwise::axpy,
        "batch_matmul" => products::batch_matmul,
        "conv1d" => products::conv1d,
        "conv2d" => images::conv2d,
        "copy" => |v| v.same(1).map(|_| 0),
        "embedding" => tokens::embedding,
        "gelu" => elementwise::gelu,
        "layer_norm" => rows::layer_norm,
        "linear" => products::linear,
        "log_mel_scale" => spectral::log_mel_scale,
        "matmul" => products::matmul,
        "max" | "sum" => rows::reduction,
        "mean_pool" => tokens::mean_pool,
        "mel_log" => spectral::mel_log,
        "patch_embed" => images::patch_embed,
        "select_row" => tokens::select_row,
        "softmax" => rows::softmax,
        "stft_power" => spectral::stft_power,
        _ => return Ok(None),
    };
    rule(&View { stage, tensors }).map(|flops| Some(Flops(flops))).map_err(|complaint| match complaint {
        Complaint::Shape { tensor, found, expected } => GraphError::Shape {
            model: model.into(),
            stage: stage.name.as_str().into(),
            op: stage.op.as_str().into(),
            tensor: tensor.into(),
            found: format!("{found:?}").into(),
            expected: expected.into(),
        },
        Complaint::Other(message) => {
            let message = format!("{message} (op `{}`)", stage.op);
            GraphError::Stage { model: model.to_owned(), stage: stage.name.clone(), message }
        }
    })
}
