//! Ops that treat each element alone.

use rayon::prelude::*;

use super::activation::activate;
use super::tolerance::{LAMBDA, U};
use super::{Args, Expected};
use crate::plan::graph::Activation;

/// out = x, bit for bit.
pub(super) fn copy(args: &Args<'_>) -> Expected {
    Expected::from_elements(args.inputs[0].values.par_iter().map(|x| (f64::from(*x), 0.0)))
}

/// out = a·x + y.
pub(super) fn axpy(args: &Args<'_>) -> Expected {
    #[expect(clippy::cast_possible_truncation, reason = "the shader has `a` as an f32 literal")]
    let a = f64::from(args.float("a", 1.0) as f32);
    let pairs = args.inputs[0].values.par_iter().zip(args.inputs[1].values.par_iter());
    Expected::from_elements(pairs.map(|(x, y)| {
        let (product, y) = (a * f64::from(*x), f64::from(*y));
        (product + y, LAMBDA * U * (product.abs() + y.abs()))
    }))
}

/// GELU, or the activation that is asked for: that of the fused ops.
pub(super) fn gelu(args: &Args<'_>) -> Expected {
    let activation = if args.stage.params.contains_key("activation") { args.activation() } else { Activation::Gelu };
    Expected::from_elements(args.inputs[0].values.par_iter().map(|x| {
        let (mut value, mut tolerance) = ([f64::from(*x)], [0.0]);
        activate(&mut value, &mut tolerance, activation);
        (value[0], tolerance[0])
    }))
}
