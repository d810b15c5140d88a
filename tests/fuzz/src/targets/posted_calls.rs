//! The calls of an ONNX model that a page posts: a header, which the fuzzer writes on the first line, and tensors.

use std::collections::HashSet;

use super::super::with_length;
use gpujobs::harness::calls;
use gpujobs::protocol::on_cpu;
use gpujobs::reference::onnx::{Tensor, Tolerance, compare};

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(input: &[u8]) {
    let posted = with_length(input, 4);
    let read = match calls::read(&posted) {
        Ok(read) => read,
        Err(error) => return drop(error.to_string()),
    };
    if let Some(witness) = &read.witness {
        let _ = on_cpu::work(&witness.on_cpu);
    }
    let tensors = || read.calls.iter().flat_map(|call| call.feeds.iter().chain(&call.fetches));
    let held: usize = tensors().map(|tensor| tensor.bytes().len()).sum();
    assert!(held <= posted.len(), "{} posted bytes became {held}", posted.len());
    for tensor in tensors() {
        let size = tensor.kind().size().expect("a tensor has a size");
        assert_eq!(Some(tensor.bytes().len()), tensor.len().checked_mul(size));
        assert_eq!(tensor.values_f64().len(), tensor.len());
    }
    for call in &read.calls {
        assert!(call.complete || !call.unread.is_empty());
        let same = compare(&call.fetches, &call.fetches, Tolerance::of_share(0.0));
        let names: HashSet<&str> = call.fetches.iter().map(Tensor::name).collect();
        assert!(same.failure.is_none() || names.len() < call.fetches.len(), "{:?}", same.failure);
        let other = compare(&call.feeds, &call.fetches, Tolerance::of_share(1e-4));
        let _ = other.failure.map(|failure| failure.to_string());
    }
}
