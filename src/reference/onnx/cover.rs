//! Which operators are covered. tract looks an operator up by its name alone, so the domain is checked here: an `Add`
//! of another domain is not ONNX's. Nor is covered what has no one right answer: random numbers.

use std::collections::BTreeSet;

use tract_onnx::Onnx;
use tract_onnx::pb::{ModelProto, NodeProto};

use super::OnnxError;
use super::signature::{nodes, operator};

/// The operators of `com.microsoft` that tract implements, as onnxruntime defines them.
const CONTRIBUTED: [&str; 11] = [
    "BiasGelu",
    "FastGelu",
    "GatherBlockQuantized",
    "Gelu",
    "GroupQueryAttention",
    "MatMulNBits",
    "MultiHeadAttention",
    "QuickGelu",
    "RotaryEmbedding",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
];

/// [`OnnxError::NotCovered`] with the operators that are not covered, if there are any.
pub(super) fn check(framework: &Onnx, model: &ModelProto) -> Result<(), OnnxError> {
    let covered = |node: &NodeProto| match node.domain.as_str() {
        "" | "ai.onnx" | "ai.onnx.ml" => {
            let random = node.op_type.starts_with("Random") || ["Bernoulli", "Multinomial"].contains(&&*node.op_type);
            !random && framework.op_register.0.contains_key(&node.op_type)
        }
        "com.microsoft" => CONTRIBUTED.contains(&node.op_type.as_str()),
        _ => false,
    };
    let missing: BTreeSet<String> =
        nodes(model).into_iter().filter(|node| !covered(node)).map(|node| format!("`{}`", operator(node))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.into_iter().collect();
    Err(OnnxError::NotCovered(format!("no implementation of {}", names.join(", "))))
}
