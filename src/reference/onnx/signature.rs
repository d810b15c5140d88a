//! A signature is what an ONNX file declares: inputs, outputs, operators and how large its weights are.
//!
//! Read from the protobuf alone, so that it is there for graphs that no library here can compute. Made by
//! [`signature()`]; used to make a job's inputs, to name its tensors and to say what a reference does not cover.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::proto::{self, DATA_TYPES, Extent, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::{ElementType, OnnxError};

/// `TensorProto.DataLocation` of a tensor that lies in a file of its own.
const EXTERNAL: i32 = 1;

/// An extent of a declared shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// The same for every run.
    Fixed(usize),
    /// Given by the inputs; the same wherever the name occurs, for instance `batch_size`.
    Named(String),
    /// Not declared.
    Unknown,
}

/// An input or an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What its elements are.
    pub kind: ElementType,
    /// Its shape; `None` if not even the rank is declared.
    pub dims: Option<Vec<Dim>>,
}

/// What an ONNX file declares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// What a run must be given, in the file's order: inputs that have an initializer are not among them.
    pub inputs: Vec<Port>,
    /// What a run returns, in the file's order.
    pub outputs: Vec<Port>,
    /// How often each operator occurs, bodies of `If`, `Loop` and functions included; an operator that is not of ONNX
    /// itself has its domain before it: `com.microsoft.MatMulNBits`.
    pub operators: BTreeMap<String, usize>,
    /// Version of each operator set, by domain; ONNX's own is `ai.onnx`.
    pub opsets: BTreeMap<String, i64>,
    /// Bytes of the initializers' elements, wherever they are stored.
    pub initializer_bytes: u64,
    /// Files beside the model that hold initializers, relative to it, as the model names them.
    pub external: BTreeSet<String>,
}

/// What the file at `path` declares; [`OnnxError::Unreadable`] if it can't be read or is no ONNX model.
pub fn signature(path: &Path) -> Result<Signature, OnnxError> {
    proto::read(path).map(|model| declared(&model))
}

/// What the bytes of a file declare; `path` is for the error's words.
pub fn signature_of_bytes(bytes: &[u8], path: &Path) -> Result<Signature, OnnxError> {
    proto::decode(bytes, path).map(|model| declared(&model))
}

pub(super) fn declared(model: &ModelProto) -> Signature {
    let mut signature = Signature::default();
    for opset in &model.opset_import {
        signature.opsets.insert(domain(&opset.domain).to_owned(), opset.version);
    }
    if let Some(graph) = &model.graph {
        let initialized: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        let given = graph.input.iter().filter(|input| !initialized.contains(input.name.as_str()));
        signature.inputs = given.map(port).collect();
        signature.outputs = graph.output.iter().map(port).collect();
        for graph in graphs(graph) {
            for tensor in &graph.initializer {
                add_initializer(&mut signature, tensor);
            }
        }
    }
    for node in nodes(model) {
        *signature.operators.entry(operator(node)).or_insert(0) += 1;
    }
    signature
}

/// Every node of a model, bodies included.
pub(super) fn nodes(model: &ModelProto) -> Vec<&NodeProto> {
    let in_functions = model.functions.iter().flat_map(|function| &function.node);
    let mut nodes: Vec<&NodeProto> = in_functions.clone().flat_map(bodies).flat_map(|graph| &graph.node).collect();
    nodes.extend(in_functions);
    nodes.extend(model.graph.iter().flat_map(graphs).flat_map(|graph| &graph.node));
    nodes
}

/// A graph and the bodies in it. The decoder bounds how deep they nest.
fn graphs(graph: &GraphProto) -> Vec<&GraphProto> {
    let mut found = vec![graph];
    found.extend(graph.node.iter().flat_map(bodies));
    found
}

fn bodies(node: &NodeProto) -> Vec<&GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)).flat_map(graphs).collect()
}

/// An operator's name with its domain, unless that is ONNX's own.
fn operator(node: &NodeProto) -> String {
    match domain(&node.domain) {
        "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

fn domain(declared: &str) -> &str {
    if declared.is_empty() { "ai.onnx" } else { declared }
}

fn port(info: &ValueInfoProto) -> Port {
    let name = info.name.clone();
    let Some(tensor) = info.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref()) else {
        return Port { name, kind: ElementType::Other("no tensor".to_owned()), dims: None };
    };
    let dims = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(|dim| extent(dim.value.as_ref())).collect());
    Port { name, kind: kind(tensor.elem_type), dims }
}

fn extent(value: Option<&Extent>) -> Dim {
    match value {
        Some(Extent::DimValue(extent)) => usize::try_from(*extent).map_or(Dim::Unknown, Dim::Fixed),
        Some(Extent::DimParam(name)) if !name.is_empty() => Dim::Named(name.clone()),
        _ => Dim::Unknown,
    }
}

/// The type of a number in ONNX's `TensorProto.DataType`.
fn kind(code: i32) -> ElementType {
    let known = DATA_TYPES.iter().find(|(known, ..)| *known == code);
    known.map_or_else(|| ElementType::Other(format!("type {code}")), |(_, name, _)| ElementType::from(*name))
}

fn add_initializer(signature: &mut Signature, tensor: &TensorProto) {
    let elements =
        tensor.dims.iter().fold(1_u64, |len, extent| len.saturating_mul(u64::try_from(*extent).unwrap_or(0)));
    let bits = DATA_TYPES.iter().find(|(code, ..)| *code == tensor.data_type).map_or(8, |(_, _, bits)| *bits);
    let bytes = elements.saturating_mul(bits).div_ceil(8);
    signature.initializer_bytes = signature.initializer_bytes.saturating_add(bytes);
    if tensor.data_location == EXTERNAL {
        let location = tensor.external_data.iter().find(|entry| entry.key == "location");
        signature.external.extend(location.map(|entry| entry.value.clone()));
    }
}
