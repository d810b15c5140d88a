//! A tensor as a page sends and receives it: a name, an element type, a shape and little-endian bytes.
//!
//! Made by `run` from what a page posted, and by this module from what it computes; compared by `compare`.

use half::f16;

use super::OnnxError;
use crate::arrays::Numbers;

/// What a tensor's elements are; as text, the name among the tensor types of onnxruntime-web.
#[derive(Debug, Clone, PartialEq, Eq, Hash, strum::Display, strum::EnumString)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[strum(serialize_all = "lowercase")]
pub enum ElementType {
    /// IEEE binary32.
    #[strum(serialize = "float32")]
    F32,
    /// IEEE binary16.
    #[strum(serialize = "float16")]
    F16,
    /// IEEE binary64.
    #[strum(serialize = "float64")]
    F64,
    /// Signed, 64 bits.
    #[strum(serialize = "int64")]
    I64,
    /// Signed, 32 bits.
    #[strum(serialize = "int32")]
    I32,
    /// Signed, 16 bits.
    #[strum(serialize = "int16")]
    I16,
    /// Signed, 8 bits.
    #[strum(serialize = "int8")]
    I8,
    /// Unsigned, 64 bits.
    #[strum(serialize = "uint64")]
    U64,
    /// Unsigned, 32 bits.
    #[strum(serialize = "uint32")]
    U32,
    /// Unsigned, 16 bits.
    #[strum(serialize = "uint16")]
    U16,
    /// Unsigned, 8 bits.
    #[strum(serialize = "uint8")]
    U8,
    /// A byte, 0 or 1.
    Bool,
    /// What this program can name and not compute: `string`, `bfloat16`, `int4`, …
    #[strum(default)]
    Other(String),
}

impl ElementType {
    /// Bytes an element; `None` for a type that can't be computed.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::F64 | Self::I64 | Self::U64 => Some(8),
            Self::F32 | Self::I32 | Self::U32 => Some(4),
            Self::F16 | Self::I16 | Self::U16 => Some(2),
            Self::I8 | Self::U8 | Self::Bool => Some(1),
            Self::Other(_) => None,
        }
    }

    /// Whether elements are rounded, so that they are compared with a tolerance.
    #[must_use]
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }
}

/// A named tensor: `bytes` holds the row-major elements, little-endian, and is as long as type and shape say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    name: String,
    kind: ElementType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    /// Checks that the bytes fill the shape and that a bool's are 0 or 1; [`OnnxError::BadTensor`] if not.
    pub fn new(
        name: impl Into<String>,
        kind: ElementType,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    ) -> Result<Self, OnnxError> {
        let name = name.into();
        let bad = |message: String| OnnxError::BadTensor { tensor: name.clone(), message };
        let size = kind.size().ok_or_else(|| bad(format!("elements of type {kind} are not supported")))?;
        let len = shape.iter().try_fold(size, |len, extent| len.checked_mul(*extent));
        if len != Some(bytes.len()) {
            let (found, kind) = (bytes.len(), kind);
            let wanted = len.map_or_else(|| "more than memory holds".to_owned(), |len| len.to_string());
            return Err(bad(format!("it has {found} bytes, {kind} {shape:?} takes {wanted}")));
        }
        if kind == ElementType::Bool && bytes.iter().any(|byte| *byte > 1) {
            return Err(bad("a bool is neither 0 nor 1".to_owned()));
        }
        Ok(Self { name, kind, shape, bytes })
    }

    /// A tensor of f32.
    pub fn from_f32(name: impl Into<String>, shape: Vec<usize>, values: &[f32]) -> Result<Self, OnnxError> {
        Self::new(name, ElementType::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// A tensor of numbers that were made elsewhere: rounded to a floating type, and exactly what a whole one holds.
    /// [`OnnxError::BadTensor`] names the first that its type does not have.
    pub fn of_numbers(
        name: impl Into<String>,
        kind: ElementType,
        shape: Vec<usize>,
        numbers: &Numbers,
    ) -> Result<Self, OnnxError> {
        let name = name.into();
        let bad = |message: String| OnnxError::BadTensor { tensor: name.clone(), message };
        let mut bytes = Vec::new();
        if kind.is_float() {
            let mut add = |value: f64| encode_float(&kind, value, &mut bytes);
            match numbers {
                Numbers::Floats(values) => values.iter().for_each(|value| add(*value)),
                Numbers::Whole(values) => values.iter().for_each(|value| add(*value as f64)),
            }
        } else {
            let mut add = |value: i64| encode_whole(&kind, value, &mut bytes);
            let no_value = |value: &dyn std::fmt::Display| bad(format!("{value} is no value of the type {kind}"));
            match numbers {
                Numbers::Floats(values) => {
                    for value in values {
                        whole(*value).and_then(&mut add).ok_or_else(|| no_value(value))?;
                    }
                }
                Numbers::Whole(values) => {
                    for value in values {
                        add(*value).ok_or_else(|| no_value(value))?;
                    }
                }
            }
        }
        Self::new(name, kind, shape, bytes)
    }

    /// A tensor of i64.
    pub fn from_i64(name: impl Into<String>, shape: Vec<usize>, values: &[i64]) -> Result<Self, OnnxError> {
        Self::new(name, ElementType::I64, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// The same values under another name.
    #[must_use]
    pub fn renamed(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The input or output that it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its elements are.
    #[must_use]
    pub fn kind(&self) -> &ElementType {
        &self.kind
    }

    /// Its extents; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements, row-major and little-endian.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its elements as f64: exact for every type but 64-bit integers beyond 2⁵³.
    #[must_use]
    pub fn values_f64(&self) -> Vec<f64> {
        let bytes = &self.bytes;
        match self.kind {
            ElementType::F32 => decode(bytes, |bytes| f32::from_le_bytes(bytes).into()),
            ElementType::F16 => decode(bytes, |bytes| f16::from_le_bytes(bytes).into()),
            ElementType::F64 => decode(bytes, f64::from_le_bytes),
            ElementType::I64 => decode(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
            ElementType::I32 => decode(bytes, |bytes| i32::from_le_bytes(bytes).into()),
            ElementType::I16 => decode(bytes, |bytes| i16::from_le_bytes(bytes).into()),
            ElementType::I8 => decode(bytes, |bytes| i8::from_le_bytes(bytes).into()),
            ElementType::U64 => decode(bytes, |bytes| u64::from_le_bytes(bytes) as f64),
            ElementType::U32 => decode(bytes, |bytes| u32::from_le_bytes(bytes).into()),
            ElementType::U16 => decode(bytes, |bytes| u16::from_le_bytes(bytes).into()),
            ElementType::U8 | ElementType::Bool => decode(bytes, |[byte]: [u8; 1]| byte.into()),
            // `new` lets none through.
            ElementType::Other(_) => Vec::new(),
        }
    }
}

/// A number without a fraction.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within the type's range")]
fn whole(value: f64) -> Option<i64> {
    let limit = 2.0_f64.powi(63);
    (value.fract() == 0.0 && (-limit..limit).contains(&value)).then_some(value as i64)
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to the type by design")]
fn encode_float(kind: &ElementType, value: f64, bytes: &mut Vec<u8>) {
    match kind {
        ElementType::F16 => bytes.extend(f16::from_f64(value).to_le_bytes()),
        ElementType::F32 => bytes.extend((value as f32).to_le_bytes()),
        _ => bytes.extend(value.to_le_bytes()),
    }
}

/// Nothing where the type does not have the value.
fn encode_whole(kind: &ElementType, value: i64, bytes: &mut Vec<u8>) -> Option<()> {
    match kind {
        ElementType::I64 => bytes.extend(value.to_le_bytes()),
        ElementType::U64 => bytes.extend(u64::try_from(value).ok()?.to_le_bytes()),
        ElementType::I32 => bytes.extend(i32::try_from(value).ok()?.to_le_bytes()),
        ElementType::U32 => bytes.extend(u32::try_from(value).ok()?.to_le_bytes()),
        ElementType::I16 => bytes.extend(i16::try_from(value).ok()?.to_le_bytes()),
        ElementType::U16 => bytes.extend(u16::try_from(value).ok()?.to_le_bytes()),
        ElementType::I8 => bytes.extend(i8::try_from(value).ok()?.to_le_bytes()),
        ElementType::U8 => bytes.push(u8::try_from(value).ok()?),
        ElementType::Bool => bytes.push(u8::try_from(value).ok().filter(|value| *value <= 1)?),
        // `new` says what is wrong with it.
        _ => {}
    }
    Some(())
}

fn decode<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|chunk| value(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn bytes_fill_the_shape() {
        let tensor = Tensor::from_f32("x", vec![2, 2], &[1.0, -2.5, 0.0, f32::MAX]).unwrap();
        assert_eq!(tensor.values_f64(), [1.0, -2.5, 0.0, f64::from(f32::MAX)]);
        let error = Tensor::from_f32("x", vec![3], &[1.0]).unwrap_err().to_string();
        assert_eq!(error, "tensor `x`: it has 4 bytes, float32 [3] takes 12");
        assert!(Tensor::from_i64("x", vec![usize::MAX, 2], &[]).is_err());
        assert!(Tensor::from_i64("x", vec![0, 64], &[]).unwrap().is_empty());
        assert!(Tensor::new("x", ElementType::Bool, vec![1], vec![2]).is_err());
        assert!(Tensor::new("x", ElementType::Other("string".to_owned()), vec![0], vec![]).is_err());
    }

    #[test]
    fn halves_are_decoded() {
        let bytes = [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c].to_vec();
        let tensor = Tensor::new("h", ElementType::F16, vec![4], bytes).unwrap();
        assert_eq!(tensor.values_f64(), [1.0, -2.0, 2.0_f64.powi(-24), f64::INFINITY]);
    }

    #[test]
    fn names_are_onnxruntimes() {
        for kind in ElementType::iter() {
            assert_eq!(ElementType::from(kind.to_string().as_str()), kind);
        }
        assert_eq!(ElementType::from("int4"), ElementType::Other("int4".to_owned()));
    }
}
