//! Tensors to and from tract's.

use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::{DatumType, TractError, TractResult};
use tract_onnx::tract_hir::internal::Tensor as Computed;

use super::{ElementType, Tensor};

const TYPES: [(ElementType, DatumType); 12] = [
    (ElementType::F32, DatumType::F32),
    (ElementType::F16, DatumType::F16),
    (ElementType::F64, DatumType::F64),
    (ElementType::I64, DatumType::I64),
    (ElementType::I32, DatumType::I32),
    (ElementType::I16, DatumType::I16),
    (ElementType::I8, DatumType::I8),
    (ElementType::U64, DatumType::U64),
    (ElementType::U32, DatumType::U32),
    (ElementType::U16, DatumType::U16),
    (ElementType::U8, DatumType::U8),
    (ElementType::Bool, DatumType::Bool),
];

/// tract's type of the same elements.
pub(super) fn datum(kind: &ElementType) -> TractResult<DatumType> {
    let found = TYPES.iter().find(|(known, _)| known == kind);
    let unknown = || TractError::msg(format!("elements of type {} are not supported", kind.name()));
    found.map(|(_, datum)| *datum).ok_or_else(unknown)
}

fn kind(datum: DatumType) -> ElementType {
    // A dimension is computed as a symbol's number.
    let datum = if datum == DatumType::TDim { DatumType::I64 } else { datum };
    let found = TYPES.into_iter().find(|(_, known)| *known == datum);
    found.map_or_else(|| ElementType::Other(format!("{datum:?}")), |(kind, _)| kind)
}

/// A feed as the plan takes it: f16 as f32, in which the model is computed.
pub(super) fn to_tract(feed: &Tensor) -> TractResult<Computed> {
    let datum = datum(feed.kind())?;
    let mut tensor = Computed::zero_dt(datum, feed.shape())?;
    tensor.try_as_plain_ram_mut()?.as_bytes_mut().copy_from_slice(feed.bytes());
    let computed = if datum == DatumType::F16 { DatumType::F32 } else { datum };
    Ok(tensor.cast_to_dt(computed)?.into_owned())
}

/// A feed as a constant of the model's file; only of types that steer a graph.
pub(super) fn to_initializer(feed: &Tensor) -> TensorProto {
    let kind = match feed.kind() {
        ElementType::Bool => DataType::Bool,
        ElementType::I32 => DataType::Int32,
        ElementType::I64 => DataType::Int64,
        _ => DataType::Undefined,
    };
    TensorProto {
        name: feed.name().to_owned(),
        dims: feed.shape().iter().map(|extent| i64::try_from(*extent).unwrap_or(i64::MAX)).collect(),
        data_type: kind as i32,
        raw_data: feed.bytes().to_vec(),
        ..TensorProto::default()
    }
}

/// An output in the type that the model declares, or in the computed one if it declares none.
pub(super) fn from_tract(name: &str, declared: &ElementType, value: &Computed) -> TractResult<Tensor> {
    let kind = if declared.size().is_some() { declared.clone() } else { kind(value.datum_type()) };
    let value = value.cast_to_dt(datum(&kind)?)?;
    let bytes = value.try_as_plain_ram()?.as_bytes().to_vec();
    Ok(Tensor::new(name, kind, value.shape().to_vec(), bytes)?)
}
