//! The messages of an ONNX file, as far as a [`Signature`](super::Signature) needs them; all else of a file is skipped
//! unread, its weights too. Names and numbers of fields are those of ONNX's `onnx.proto`, which never change.

use std::path::Path;

use prost::{Message, Oneof, decode_length_delimiter};

use super::OnnxError;
use crate::memory;
use crate::user_file;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<OperatorSetIdProto>,
    #[prost(message, repeated, tag = "25")]
    pub(super) functions: Vec<FunctionProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FunctionProto {
    #[prost(message, repeated, tag = "7")]
    pub(super) node: Vec<NodeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<AttributeProto>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

impl NodeProto {
    /// The name and the equation of a named `Einsum`.
    pub(super) fn equation(&self) -> Option<(String, String)> {
        let equation = self.attribute.iter().find(|attribute| attribute.name == "equation")?;
        (self.op_type == "Einsum" && !self.name.is_empty())
            .then(|| (self.name.clone(), String::from_utf8_lossy(&equation.s).into_owned()))
    }
}

/// Of attributes only texts, and the bodies of `If`, `Loop` and `Scan`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) s: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub(super) g: Option<GraphProto>,
    #[prost(message, repeated, tag = "11")]
    pub(super) graphs: Vec<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "13")]
    pub(super) external_data: Vec<StringStringEntryProto>,
    /// 1 for a tensor in a file of its own.
    #[prost(int32, tag = "14")]
    pub(super) data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StringStringEntryProto {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) r#type: Option<TypeProto>,
}

/// `None` for sequences, maps and other types that are no tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub(super) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(oneof = "Extent", tags = "1, 2")]
    pub(super) value: Option<Extent>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Extent {
    #[prost(int64, tag = "1")]
    DimValue(i64),
    #[prost(string, tag = "2")]
    DimParam(String),
}

/// `TensorProto.DataType`: number, name as onnxruntime-web has it, bits an element. A string has no fixed size and counts
/// as a byte.
pub(super) const DATA_TYPES: [(i32, &str, u64); 26] = [
    (1, "float32", 32),
    (2, "uint8", 8),
    (3, "int8", 8),
    (4, "uint16", 16),
    (5, "int16", 16),
    (6, "int32", 32),
    (7, "int64", 64),
    (8, "string", 8),
    (9, "bool", 8),
    (10, "float16", 16),
    (11, "float64", 64),
    (12, "uint32", 32),
    (13, "uint64", 64),
    (14, "complex64", 64),
    (15, "complex128", 128),
    (16, "bfloat16", 16),
    (17, "float8e4m3fn", 8),
    (18, "float8e4m3fnuz", 8),
    (19, "float8e5m2", 8),
    (20, "float8e5m2fnuz", 8),
    (21, "uint4", 4),
    (22, "int4", 4),
    (23, "float4e2m1", 4),
    (24, "float8e8m0", 8),
    (25, "uint2", 2),
    (26, "int2", 2),
];

/// The model of a file; tensors in files of their own are not read.
pub(super) fn read(path: &Path) -> Result<ModelProto, OnnxError> {
    let bytes = user_file::read(path).map_err(|error| unreadable(path, error.to_string()))?;
    decode(&bytes, path)
}

/// The model of a file's bytes. Protobuf has no magic number: what decodes to a model without operator sets or outputs
/// is no model.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<ModelProto, OnnxError> {
    // Two bytes of a file are a message of none, which takes a hundred here.
    let needed = 2 * size_of::<AttributeProto>() as u64 * messages(Kind::Model, bytes, 0);
    memory::check(needed).map_err(|error| unreadable(path, format!("to read what it declares, {error}")))?;
    let model = ModelProto::decode(bytes);
    let model = model.map_err(|error| unreadable(path, format!("it is no ONNX model, or cut short: {error}")))?;
    let missing = match &model.graph {
        None => "graph",
        Some(graph) if graph.output.is_empty() => "outputs",
        Some(_) if model.opset_import.is_empty() => "operator sets",
        Some(_) => return Ok(model),
    };
    Err(unreadable(path, format!("it is no ONNX model, or cut short: it has no {missing}")))
}

/// The messages above, by what may lie in them.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    /// One that holds no other.
    Leaf,
}

impl Kind {
    /// What lies in a field, where that is a message.
    fn inside(self, tag: usize) -> Option<Self> {
        match (self, tag) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Function, 7) | (Self::Graph, 1) => Some(Self::Node),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph, 5) => Some(Self::Tensor),
            (Self::Graph, 11 | 12) => Some(Self::ValueInfo),
            (Self::ValueInfo, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Model, 8) | (Self::Tensor, 13) | (Self::Shape, 1) => Some(Self::Leaf),
            _ => None,
        }
    }
}

/// How deep messages lie in each other; the decoder takes no more.
const DEEPEST: usize = 100;

/// How many messages decoding makes of a message's bytes, itself among them. Where they are malformed the decoder says so.
fn messages(kind: Kind, mut bytes: &[u8], depth: usize) -> u64 {
    let mut found = 1;
    while depth < DEEPEST && !bytes.is_empty() {
        let Ok(key) = decode_length_delimiter(&mut bytes) else { break };
        let length = match key % 8 {
            0 => decode_length_delimiter(&mut bytes).map(|_| 0),
            1 => Ok(8),
            5 => Ok(4),
            _ => decode_length_delimiter(&mut bytes),
        };
        let Some((field, rest)) = length.ok().and_then(|length| bytes.split_at_checked(length)) else { break };
        found += kind.inside(key / 8).map_or(0, |inside| messages(inside, field, depth + 1));
        bytes = rest;
    }
    found
}

fn unreadable(path: &Path, message: String) -> OnnxError {
    OnnxError::Unreadable { path: path.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_before_they_are_made() {
        let attribute = AttributeProto {
            g: Some(GraphProto { node: vec![NodeProto::default(); 3], ..Default::default() }),
            ..Default::default()
        };
        let node = NodeProto { attribute: vec![AttributeProto::default(), attribute], ..NodeProto::default() };
        let graph = GraphProto { node: vec![node], output: vec![ValueInfoProto::default()], ..GraphProto::default() };
        let opset = OperatorSetIdProto { domain: "x".to_owned(), version: 21 };
        let model = ModelProto { graph: Some(graph), opset_import: vec![opset], functions: Vec::new() };
        // The model, its graph, operators and output; a node, two attributes, a graph and three nodes.
        assert_eq!(messages(Kind::Model, &model.encode_to_vec(), 0), 11);
        // One in another, far deeper than the decoder goes.
        let deep = (0..1000).fold(Vec::new(), |inner: Vec<u8>, level| {
            let tag = [1, 5, 6][level % 3];
            [&[tag << 3 | 2][..], &varint(inner.len()), &inner].concat()
        });
        assert!(messages(Kind::Attribute, &deep, 0) <= 101);
        for end in 0..60 {
            messages(Kind::Model, &model.encode_to_vec()[..end.min(model.encoded_len())], 0);
        }
    }

    fn varint(value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        prost::encode_length_delimiter(value, &mut bytes).unwrap();
        bytes
    }
}
