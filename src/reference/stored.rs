//! Weights out of a `.safetensors` file: a header of names, shapes and types, then the values.
//!
//! Only the header and the tensors that are asked for are read. Files keep f32, or f16 and bf16, which f32 holds exactly.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::graph::Stored;
use crate::manifest::problem::nearest;
use crate::memory;
use crate::user_file;

/// The longest header that is read: the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// Weights that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// The file, or what stands at its beginning.
    #[error("{}: {message}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A tensor that the file does not hold.
    #[error("{} has no tensor `{tensor}`{}", file.display(), near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Missing {
        /// The file.
        file: PathBuf,
        /// The name.
        tensor: String,
        /// The name in the file that is most like it.
        near: Option<String>,
    },
    /// A tensor that is not as the model needs it.
    #[error("`{tensor}` of {} {message}", file.display())]
    Tensor {
        /// The file.
        file: PathBuf,
        /// The name.
        tensor: String,
        /// What is wrong with it.
        message: String,
    },
}

/// The values of a tensor of this shape, row-major.
pub(super) fn read(place: &Stored, shape: &[usize]) -> Result<Vec<f32>, StoredError> {
    let (mut file, header, start) = open(&place.file)?;
    let (rows, columns) = matrix(shape);
    let mut parts = Vec::with_capacity(place.tensors.len());
    for name in &place.tensors {
        let fail = |message: String| StoredError::Tensor { file: place.file.clone(), tensor: name.clone(), message };
        let Some(info) = header.info(name) else {
            let names = header.offset_keys();
            let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
            return Err(StoredError::Missing { file: place.file.clone(), tensor: name.clone(), near });
        };
        // Its shape before its bytes: a file may claim more than memory holds.
        let stored = reordered(&info.shape, &place.permute).map_err(fail)?;
        let (found, width) = matrix(&stored);
        let alike = stored.len() != shape.len() || stored[..stored.len() - 1] == shape[..shape.len() - 1];
        if found != rows || !alike || (place.tensors.len() == 1 && width != columns) || width > columns {
            return Err(fail(format!("has shape {stored:?}{}, expected {shape:?}", order(place))));
        }
        let values = values(&mut file, start, info).map_err(fail)?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let index = super::position::index(at, &info.shape);
            return Err(fail(format!("holds {} at {index:?}, and a weight must be finite", values[at])));
        }
        let values = permuted(values, &info.shape, &place.permute);
        parts.push((values, width));
    }
    let found: usize = parts.iter().map(|(_, width)| width).sum();
    if found != columns {
        let message = format!("and the {} after it are {found} wide together, expected {shape:?}", parts.len() - 1);
        return Err(StoredError::Tensor { file: place.file.clone(), tensor: place.tensors[0].clone(), message });
    }
    if let [(values, _)] = &mut parts[..] {
        return Ok(std::mem::take(values));
    }
    let line = |row: usize| parts.iter().flat_map(move |(values, width)| &values[row * width..][..*width]).copied();
    Ok((0..rows).flat_map(line).collect())
}

fn order(place: &Stored) -> String {
    if place.permute.is_empty() { String::new() } else { format!(" with its axes in the order {:?}", place.permute) }
}

/// A shape as rows of its last extent.
fn matrix(shape: &[usize]) -> (usize, usize) {
    let product = |rows: &[usize]| rows.iter().fold(1_usize, |product, extent| product.saturating_mul(*extent));
    shape.split_last().map_or((1, 1), |(columns, rows)| (product(rows), *columns))
}

/// The file, its header, and where its values begin.
fn open(path: &Path) -> Result<(File, Metadata, u64), StoredError> {
    let fail = |message: String| StoredError::File { file: path.to_owned(), message };
    let io = |error: std::io::Error| fail(error.to_string());
    let mut file = user_file::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(|_| fail(format!("it has {length} bytes, which is no .safetensors file")))?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size + 8 > length {
        let message = format!("its header would have {size} bytes, and it has {length}: it is no .safetensors file");
        return Err(fail(message));
    }
    let mut header = Vec::new();
    file.by_ref().take(size).read_to_end(&mut header).map_err(io)?;
    // Checks that the tensors lie one after the other, each as long as its shape and type say.
    let header: Metadata = serde_json::from_slice(&header).map_err(|error| fail(format!("its header: {error}")))?;
    let expected = (8 + size).saturating_add(header.data_len() as u64);
    if expected != length {
        let message = format!("it has {length} bytes, expected {expected}: fetch it again, it is not whole");
        return Err(fail(message));
    }
    Ok((file, header, 8 + size))
}

fn values(file: &mut File, start: u64, info: &TensorInfo) -> Result<Vec<f32>, String> {
    let (from, to) = info.data_offsets;
    // The bytes, and each value as f32.
    memory::check(3 * (to - from) as u64).map_err(|error| error.to_string())?;
    let mut bytes = vec![0; to - from];
    file.seek(SeekFrom::Start(start + from as u64)).map_err(|error| error.to_string())?;
    file.read_exact(&mut bytes).map_err(|error| error.to_string())?;
    let half = |convert: fn([u8; 2]) -> f32| bytes.as_chunks::<2>().0.iter().map(|bytes| convert(*bytes)).collect();
    match info.dtype {
        Dtype::F32 => Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => Ok(half(|bytes| half::f16::from_le_bytes(bytes).to_f32())),
        Dtype::BF16 => Ok(half(|bytes| half::bf16::from_le_bytes(bytes).to_f32())),
        other => Err(format!("holds {other:?}, expected F32, F16 or BF16")),
    }
}

/// A shape with its axes in another order.
fn reordered(shape: &[usize], order: &[usize]) -> Result<Vec<usize>, String> {
    if order.is_empty() {
        return Ok(shape.to_vec());
    }
    if order.len() != shape.len() {
        return Err(format!("has shape {shape:?}, whose axes can't be put in the order {order:?}"));
    }
    Ok(order.iter().map(|axis| shape[*axis]).collect())
}

/// Values of a shape with the axes in another order, which has as many.
fn permuted(values: Vec<f32>, shape: &[usize], order: &[usize]) -> Vec<f32> {
    if order.is_empty() {
        return values;
    }
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let new: Vec<usize> = order.iter().map(|axis| shape[*axis]).collect();
    let mut index = vec![0; new.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[index.iter().zip(order).map(|(at, axis)| at * strides[*axis]).sum::<usize>()]);
        for (at, extent) in index.iter_mut().zip(&new).rev() {
            *at += 1;
            if *at < *extent {
                break;
            }
            *at = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    /// A file with a matrix [2, 3] of 0 to 5 in f32, another in f16, and a vector with an infinity.
    fn file() -> tempfile::NamedTempFile {
        let f32s: Vec<u8> = (0_u8..6).flat_map(|value| f32::from(value).to_le_bytes()).collect();
        let f16s: Vec<u8> = (0_u8..6).flat_map(|value| half::f16::from(value).to_le_bytes()).collect();
        let infinite: Vec<u8> = [1.0, f32::INFINITY].iter().flat_map(|value| value.to_le_bytes()).collect();
        let ids = [0; 8];
        let tensors = [
            ("a.weight", TensorView::new(Dtype::F32, vec![2, 3], &f32s).unwrap()),
            ("b.weight", TensorView::new(Dtype::F16, vec![2, 3], &f16s).unwrap()),
            ("c", TensorView::new(Dtype::F32, vec![2], &infinite).unwrap()),
            ("ids", TensorView::new(Dtype::I64, vec![1], &ids).unwrap()),
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), safetensors::serialize(tensors, None).unwrap()).unwrap();
        file
    }

    fn get(tensors: &[&str], permute: &[usize], shape: &[usize]) -> Result<Vec<f32>, String> {
        let file = file();
        let tensors = tensors.iter().map(|name| (*name).to_owned()).collect();
        let place = Stored { file: file.path().to_owned(), tensors, permute: permute.to_vec() };
        let path = file.path().display().to_string();
        read(&place, shape).map_err(|error| error.to_string().replace(&path, "FILE"))
    }

    #[test]
    fn weights_are_turned_and_joined() {
        assert_eq!(get(&["a.weight"], &[], &[2, 3]).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(get(&["b.weight"], &[1, 0], &[3, 2]).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let joined = get(&["a.weight", "b.weight"], &[1, 0], &[3, 4]).unwrap();
        assert_eq!(joined, [0.0, 3.0, 0.0, 3.0, 1.0, 4.0, 1.0, 4.0, 2.0, 5.0, 2.0, 5.0]);
    }

    #[test]
    fn what_a_file_does_not_hold_is_said() {
        let error = |tensor: &str, shape: &[usize]| get(&[tensor], &[], shape).unwrap_err();
        assert_eq!(error("a.weigt", &[2, 3]), "FILE has no tensor `a.weigt`; did you mean `a.weight`?");
        assert_eq!(error("a.weight", &[3, 2]), "`a.weight` of FILE has shape [2, 3], expected [3, 2]");
        assert_eq!(error("c", &[2]), "`c` of FILE holds inf at [1], and a weight must be finite");
        assert_eq!(error("ids", &[1]), "`ids` of FILE holds I64, expected F32, F16 or BF16");
        let message = get(&["a.weight"], &[2, 0, 1], &[2, 3]).unwrap_err();
        assert_eq!(message, "`a.weight` of FILE has shape [2, 3], whose axes can't be put in the order [2, 0, 1]");
    }

    #[test]
    fn a_file_that_claims_more_than_can_be_counted_is_not_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Each as large as the format lets one be.
        let len = (1_u64 << 59) - 1;
        let tensor = |at: u64| {
            let (begin, end) = (4 * len * at, 4 * len * (at + 1));
            format!(r#""{at}":{{"dtype":"F32","shape":[{len}],"data_offsets":[{begin},{end}]}}"#)
        };
        let header = format!("{{{}}}", (0..8).map(tensor).collect::<Vec<_>>().join(","));
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        std::fs::write(file.path(), &bytes).unwrap();
        let place = Stored { file: file.path().to_owned(), tensors: vec!["c".to_owned()], permute: Vec::new() };
        let message = read(&place, &[2]).unwrap_err().to_string();
        assert!(message.contains("fetch it again, it is not whole"), "{message}");
    }

    #[test]
    fn a_file_that_is_not_whole_is_said() {
        let file = file();
        let bytes = std::fs::read(file.path()).unwrap();
        for length in [4, 40, bytes.len() - 1] {
            std::fs::write(file.path(), &bytes[..length]).unwrap();
            let place = Stored { file: file.path().to_owned(), tensors: vec!["c".to_owned()], permute: Vec::new() };
            let message = read(&place, &[2]).unwrap_err().to_string();
            assert!(message.contains(&format!("{length} bytes")), "{message}");
        }
    }
}
