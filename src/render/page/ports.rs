//! What a page is told of the ONNX models of a task: what they take and give.

use crate::protocol::ports::{DimSpec, OnnxModelSpec, PortSpec};
use crate::reference::onnx::{Dim, Port, Signature};

/// What a file declares.
pub(super) fn of(file: &str, signature: &Signature) -> OnnxModelSpec {
    let ports = |ports: &[Port]| ports.iter().map(port).collect();
    OnnxModelSpec { file: file.to_owned(), inputs: ports(&signature.inputs), outputs: ports(&signature.outputs) }
}

fn port(port: &Port) -> PortSpec {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(extent) => DimSpec::Fixed(*extent),
        Dim::Named(name) => DimSpec::Named(name.clone()),
        Dim::Unknown => DimSpec::Unknown,
    };
    let dims = port.dims.as_ref().map(|dims| dims.iter().map(dim).collect());
    PortSpec { name: port.name.clone(), kind: port.kind.to_string(), dims }
}
