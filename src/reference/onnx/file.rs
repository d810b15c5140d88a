//! Reading an ONNX file's protobuf.

use std::path::Path;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::Framework;

use super::OnnxError;

/// The model of a file, its external data not read.
pub(super) fn read(path: &Path) -> Result<ModelProto, OnnxError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error.to_string()))?;
    decode(&bytes, path)
}

/// The model of a file's bytes. Protobuf has no magic number: what decodes to a model without operator sets or outputs
/// is no model.
pub(super) fn decode(mut bytes: &[u8], path: &Path) -> Result<ModelProto, OnnxError> {
    let model = tract_onnx::Onnx::default().proto_model_for_read(&mut bytes);
    let model = model.map_err(|error| unreadable(path, format!("it is no ONNX model, or cut short: {error:#}")))?;
    let missing = match &model.graph {
        None => "a graph",
        Some(graph) if graph.output.is_empty() => "outputs",
        Some(_) if model.opset_import.is_empty() => "operator sets",
        Some(_) => return Ok(model),
    };
    Err(unreadable(path, format!("it is no ONNX model, or cut short: it has no {}", missing.trim_start_matches("a "))))
}

fn unreadable(path: &Path, message: String) -> OnnxError {
    OnnxError::Unreadable { path: path.to_owned(), message }
}
