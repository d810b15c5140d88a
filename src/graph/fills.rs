//! How inputs and weights are made whose model says little of it: values that keep activations at their scale.

use super::Fill;
use super::names::fnv1a;
use crate::manifest::model::stages::{FillKind, FillSpec};

/// What values are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To be given to the model: in -1 to 1.
    Input,
    /// The same, of a texture that holds none below 0: in 0 to 1.
    Colour,
    /// Part of the model.
    Weight,
}

/// A fill with what the model left open.
///
/// A weight of rank 2 or more is uniform in ±sqrt(3 / fan-in), so that a dot product with inputs of variance 1 has
/// variance 1 and activations keep their scale through any depth (`LeCun` 1998, *Efficient `BackProp`*, §4.6). A
/// vector named `weight` scales (a norm's) and is near 1; other vectors are biases near 0.
pub(super) fn fill(spec: &FillSpec, tensor: &str, key: &str, shape: &[usize], usage: Use) -> Fill {
    let (mean, spread) = match &spec.kind {
        FillKind::Named(name) => return Fill::Named(name.clone()),
        FillKind::Uniform { mean, spread } => (*mean, *spread),
    };
    let fan_in: usize = shape.iter().rev().skip(1).product();
    #[expect(clippy::cast_possible_truncation, reason = "a seeded range needs no more than f32")]
    let (usual_mean, usual_spread) = match (usage, shape.len()) {
        (Use::Input, _) => (0.0, 1.0),
        (Use::Colour, _) => (0.5, 0.5),
        (Use::Weight, 1) if key == "weight" => (1.0, 0.1),
        (Use::Weight, 1) => (0.0, 0.1),
        (Use::Weight, _) => (0.0, (3.0 / fan_in as f64).sqrt() as f32),
    };
    Fill::Uniform {
        seed: spec.seed.unwrap_or_else(|| fnv1a(tensor)),
        mean: mean.unwrap_or(usual_mean),
        spread: spread.unwrap_or(usual_spread),
    }
}
