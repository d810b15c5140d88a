//! Ops that treat each element alone.

use rayon::prelude::*;

use super::activation::activate;
use super::complaint::Checked;
use super::operands::{Expected, Operands};
use super::parameters::{Kind, Parameter};
use super::shapes::StageShapes;
use super::tolerance::{LAMBDA, U};
use super::{Activation, Op};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "axpy",
        doc: "a·x + y, element by element.",
        parameters: &[Parameter::new("a", Kind::Real { default: 1.0 })],
        shape: axpy_shape,
        reference: axpy,
    },
    Op { name: "copy", doc: "x, bit for bit.", parameters: &[], shape: |v| v.same(1).map(|_| 0), reference: copy },
    Op {
        name: "gelu",
        doc: "x · Φ(x), or another activation, element by element.",
        parameters: &[Parameter::new("activation", Kind::Activation { default: Activation::Gelu })],
        shape: gelu_shape,
        reference: gelu,
    },
];

/// out = a·x + y.
fn axpy_shape(v: &StageShapes<'_>) -> Checked {
    v.same(2).map(|n| 2 * n)
}

/// out = gelu(x), or another function that `activation` names.
fn gelu_shape(v: &StageShapes<'_>) -> Checked {
    // A polynomial of five terms, an exponential, a division and the products around them.
    v.same(1).map(|n| 16 * n)
}

/// out = x, bit for bit.
fn copy(args: &Operands<'_>) -> Expected {
    Expected::from_elements(args.inputs[0].values.par_iter().map(|x| (f64::from(*x), 0.0)))
}

/// out = a·x + y.
fn axpy(args: &Operands<'_>) -> Expected {
    #[expect(clippy::cast_possible_truncation, reason = "the shader has `a` as an f32 literal")]
    let a = f64::from(args.real("a") as f32);
    let pairs = args.inputs[0].values.par_iter().zip(args.inputs[1].values.par_iter());
    Expected::from_elements(pairs.map(|(x, y)| {
        let (product, y) = (a * f64::from(*x), f64::from(*y));
        (product + y, LAMBDA * U * (product.abs() + y.abs()))
    }))
}

/// GELU, or the activation that is asked for: that of the fused ops.
fn gelu(args: &Operands<'_>) -> Expected {
    let activation = args.activation();
    Expected::from_elements(args.inputs[0].values.par_iter().map(|x| {
        let (mut value, mut tolerance) = ([f64::from(*x)], [0.0]);
        activate(&mut value, &mut tolerance, activation);
        (value[0], tolerance[0])
    }))
}
