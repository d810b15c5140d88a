//! An op is what a stage of the engine `wgsl` computes: its parameters, the shapes that it takes and gives, its arithmetic,
//! and its reference.
//!
//! One file a family. To add one: an [`Op`] in its family, its shader under `shaders/`, and a test. An op that is not here is
//! the user's own: it has a shader and no reference.

pub mod activation;
mod attention;
mod complaint;
mod dot;
mod elementwise;
mod images;
mod operands;
mod parameters;
mod products;
mod rows;
mod shapes;
mod spectral;
mod tokens;
pub mod tolerance;

use super::{Stage, Tensor};
use crate::units::Flops;
use complaint::Checked;
use shapes::StageShapes;

pub use activation::Activation;
pub(super) use complaint::{About, Complaint};
pub use operands::Expected;
pub(crate) use operands::{Operands, TensorView};
pub use parameters::{Kind, Parameter};

/// What a stage can compute. What it reads and writes at least follows from its tensors, each once, whatever the op
/// ([`Stage::bytes`]).
#[derive(Debug)]
pub struct Op {
    /// As in `op = "…"`; its shader has the same name.
    pub name: &'static str,
    /// What it computes, from which shapes to which; weights by their keys.
    pub doc: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Checks the shapes; its value is the number of floating-point operations.
    shape: fn(&StageShapes<'_>) -> Checked,
    /// What must come out, in f64, and how far f32 may be off.
    pub(crate) reference: fn(&Operands<'_>) -> Expected,
}

const FAMILIES: [&[Op]; 7] =
    [attention::OPS, elementwise::OPS, images::OPS, products::OPS, rows::OPS, spectral::OPS, tokens::OPS];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Op> {
    FAMILIES.into_iter().flatten()
}

/// The op of a name; `None` for one of the user's own.
#[must_use]
pub fn named(name: &str) -> Option<&'static Op> {
    all().find(|op| op.name == name)
}

/// Checks a stage against its op and fills in the parameters that are not written; its FLOPs, `None` for an op of the user's
/// own. A complaint where its tensors or parameters do not fit.
///
/// A shader that comes with gpujobs reads the parameters of the op of its name, whatever stage uses it: they are filled in as
/// well, so that defaults are spelled here alone.
pub(super) fn check(stage: &mut Stage, tensors: &[Tensor]) -> Result<Option<Flops>, Complaint> {
    let flops = match named(&stage.op) {
        Some(op) => {
            parameters::check(op.parameters, stage)?;
            parameters::fill(op.parameters, stage);
            Some(Flops((op.shape)(&StageShapes { stage, tensors })?))
        }
        None => None,
    };
    if let Some(op) = stage.shader.strip_suffix(".wgsl").and_then(named) {
        parameters::fill(op.parameters, stage);
    }
    Ok(flops)
}
