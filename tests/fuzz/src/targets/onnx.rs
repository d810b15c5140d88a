//! An ONNX file, as far as this program reads it: what it declares, and the inputs that are made for it.

use std::path::Path;

use gpujobs::arrays::{Header, NumberType};
use gpujobs::graph::inputs::Feeds;
use gpujobs::reference::made;
use gpujobs::reference::onnx::{Dim, signature_of_bytes};

/// Larger inputs are not made here: they may be as large as memory is.
const MOST_ELEMENTS: usize = 1 << 16;

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(bytes: &[u8]) {
    let signature = match signature_of_bytes(bytes, Path::new("m.onnx")) {
        Ok(signature) => signature,
        Err(error) => return drop(error.to_string()),
    };
    assert_eq!(signature_of_bytes(bytes, Path::new("m.onnx")).as_ref(), Ok(&signature));
    assert!(!signature.outputs.is_empty() && !signature.opsets.is_empty());
    // Each takes some bytes of the file.
    assert!(signature.operators.values().sum::<usize>() <= bytes.len());
    assert!(signature.inputs.len() + signature.outputs.len() <= bytes.len());
    let extents = |dims: &[Dim]| -> Vec<usize> {
        dims.iter().map(|dim| if let Dim::Fixed(extent) = dim { *extent } else { 3 }).collect()
    };
    for port in signature.inputs.iter().chain(&signature.outputs) {
        let Some(dims) = &port.dims else { continue };
        // As an expected output's file is held against it.
        let header = Header { stored: NumberType::F32, shape: None, len: 6 };
        let _ = header.fits(&extents(dims));
    }
    let dims = signature.inputs.iter().flat_map(|port| port.dims.iter().flatten()).filter_map(|dim| match dim {
        Dim::Named(name) => Some((name.clone(), 3)),
        Dim::Fixed(_) | Dim::Unknown => None,
    });
    let feeds = Feeds { dims: dims.collect(), feeds: Vec::new(), batch: 2 };
    // Of no memory that there is, or of what is made at once.
    let elements = |dims: &[Dim]| extents(dims).iter().try_fold(1_usize, |len, extent| len.checked_mul(*extent));
    let made_at_once = |dims: &[Dim]| elements(dims).is_none_or(|len| len <= MOST_ELEMENTS || len > 1 << 40);
    if signature.inputs.iter().all(|port| port.dims.as_deref().is_none_or(made_at_once)) {
        match made::feeds(&signature.inputs, &feeds) {
            Ok(tensors) => assert_eq!(tensors.len(), signature.inputs.len()),
            Err(error) => drop(error.to_string()),
        }
    }
}
