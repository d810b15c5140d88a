//! What a run costs: the multiplications and additions of matrix products and convolutions.

use std::path::Path;

use tract_onnx::prelude::{TypedModel, TypedOp};
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::internal::Cost;

use super::prepared::typed_for;

/// Floating-point operations of one run with inputs of these shapes, by name: 2 for each product that enters a sum.
///
/// Counted are `MatMul`, `Gemm`, `Einsum`, `Conv`, attention where it is one operator (masked products too) and what
/// tract builds from them: `MatMulInteger`; `MatMulNBits` with, for zero points, a correction of a few percent. They are
/// counted as the model writes them, not as a library may fuse or skip them. Elementwise functions, reductions and
/// softmax are not counted: they are bound by memory and a small part of any model that has a product.
///
/// `None` where it is not known: a file that can't be read or is not covered, an input without a shape, shapes that
/// depend on values, and operators whose products are out of sight (loops, branches, recurrent layers, transposed
/// convolutions).
#[must_use]
pub fn flops(path: &Path, shapes: &[(String, Vec<usize>)]) -> Option<u64> {
    count(&typed_for(path, shapes).ok()?)
}

/// The count of a model in tract's typed form.
pub(super) fn count(model: &TypedModel) -> Option<u64> {
    let mut products = 0_u64;
    for node in model.nodes() {
        let op: &dyn TypedOp = node.op.as_ref();
        if op.is::<Deconv>() || op.is::<Scan>() || op.is::<IfThenElse>() {
            return None;
        }
        // Attention's type is of a crate that tract keeps to itself.
        if !op.is::<EinSum>() && !op.is::<Conv>() && op.name() != "SDPA" {
            continue;
        }
        let facts = model.node_input_facts(node.id).ok()?;
        for (cost, amount) in op.cost(&facts).ok()? {
            if matches!(cost, Cost::FMA(_)) {
                products = products.checked_add(amount.as_i64()?.try_into().ok()?)?;
            }
        }
    }
    products.checked_mul(2)
}
