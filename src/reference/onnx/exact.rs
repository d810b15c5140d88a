//! Functions of one element, rounded from f64, in place of tract's kernels.
//!
//! tract's kernels are fast approximations: `erf` by Abramowitz & Stegun 7.1.28, a sixteenth power in f32, is off by up to
//! 1.8e-6, `tanh` and `sigmoid` saturate at 1 - 6e-7. A reference must not be what is wrong, so they are exchanged
//! before tract simplifies the graph, which would hide them in fused forms. (`exp`, in softmax too, is within 2 ULP.)

use half::f16;
use statrs::function::erf::erf;
use tract_onnx::prelude::{DatumType, TractError, TractResult, TypedModel};
use tract_onnx::tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::math::{Erf, Tanh};
use tract_onnx::tract_core::ops::nn::{Sigmoid, Silu};
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::internal::Tensor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exact {
    Erf,
    Sigmoid,
    Silu,
    Tanh,
}

impl Exact {
    fn of(op: &dyn ElementWiseMiniOp) -> Option<Self> {
        if op.is::<Erf>() {
            Some(Self::Erf)
        } else if op.is::<Sigmoid>() {
            Some(Self::Sigmoid)
        } else if op.is::<Silu>() {
            Some(Self::Silu)
        } else if op.is::<Tanh>() {
            Some(Self::Tanh)
        } else {
            None
        }
    }

    fn at(self, x: f64) -> f64 {
        match self {
            // statrs answers NaN with 0.
            Self::Erf if x.is_nan() => x,
            Self::Erf => erf(x),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Silu => x / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
        }
    }

    fn apply<T: Copy>(self, values: &mut [T], widen: impl Fn(T) -> f64, round: impl Fn(f64) -> T) {
        for value in values {
            *value = round(self.at(widen(*value)));
        }
    }
}

impl ElementWiseMiniOp for Exact {
    fn name(&self) -> String {
        format!("Exact{self:?}")
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _: Option<DatumType>) -> TractResult<()> {
        let kind = tensor.datum_type();
        let mut values = tensor.try_as_plain_ram_mut()?;
        #[expect(clippy::cast_possible_truncation, reason = "computed in f64, stored in the tensor's type")]
        match kind {
            DatumType::F32 => self.apply(values.as_slice_mut()?, f64::from, |y| y as f32),
            DatumType::F16 => self.apply(values.as_slice_mut()?, f16::to_f64, f16::from_f64),
            DatumType::F64 => self.apply(values.as_slice_mut()?, |x| x, |y| y),
            _ => return Err(TractError::msg(format!("{self:?} of {kind:?} is not covered"))),
        }
        Ok(())
    }
}

/// Exchanges the approximations of a model as tract reads it, in its branches and loops too.
pub(super) fn exchange(model: &mut TypedModel) {
    for node in model.nodes_mut() {
        if let Some(branches) = node.op_as_mut::<IfThenElse>() {
            exchange(&mut branches.then_body);
            exchange(&mut branches.else_body);
        } else if let Some(scan) = node.op_as_mut::<Scan>() {
            exchange(&mut scan.body);
        }
        let exact = node.op_as::<ElementWiseOp>().and_then(|op| Some((Exact::of(op.0.as_ref())?, op.1)));
        // A fixed output type means quantised elements, which are tables and no approximation.
        if let Some((exact, None)) = exact {
            node.op = Box::new(ElementWiseOp(Box::new(exact), None));
        }
    }
}
