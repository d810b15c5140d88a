//! An element type is how a tensor's values lie in its GPU buffer; references compute from the values that it can hold.
//!
//! `build` gives each tensor its type from the job's dtype; templates see it as `element`, the page loads its bytes.

use half::f16;

use super::ops;
use super::{Fill, Graph, Tensor, TensorRole};

/// How the values of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Element {
    /// IEEE 754 binary32.
    #[default]
    F32,
    /// IEEE 754 binary16.
    F16,
}

/// The smallest normal f16. WGSL lets a device take a smaller one for zero, so none is stored.
const SMALLEST_NORMAL: f32 = 1.0 / 16_384.0;

impl Element {
    /// Bytes of one value.
    #[must_use]
    pub fn size(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// The value that is stored in place of `value`: in f16 the nearest one, the even one of two, and 0 for what a normal
    /// f16 can't hold. Infinite where `value` is too large.
    #[must_use]
    pub fn stored(self, value: f32) -> f32 {
        match self {
            Self::F32 => value,
            Self::F16 if value.abs() < SMALLEST_NORMAL => 0.0,
            Self::F16 => f16::from_f32(value).to_f32(),
        }
    }

    /// The little-endian bytes of values that it can hold, with zeros up to a multiple of 4.
    #[must_use]
    pub fn bytes(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F16 => {
                let halves = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes());
                halves.chain(std::iter::repeat_n(0, 2 * (values.len() % 2))).collect()
            }
        }
    }
}

/// Gives the tensors of `graph` the types that `dtype` asks for: with `fp16`, weights and inputs that are numbers are f16.
///
/// Token ids, tables and what stages compute stay f32; so does all that a stage of the user's own reads, whose shader need
/// not know of f16.
pub(super) fn assign(graph: &mut Graph, dtype: &str) {
    if dtype != "fp16" {
        return;
    }
    for tensor in &mut graph.tensors {
        if is_numbers(tensor) {
            tensor.element = Element::F16;
        }
    }
    for stage in graph.stages.iter().filter(|stage| ops::named(&stage.op).is_none()) {
        for id in stage.inputs.iter().chain(stage.weights.values()) {
            graph.tensors[*id].element = Element::F32;
        }
    }
}

fn is_numbers(tensor: &Tensor) -> bool {
    match &tensor.role {
        TensorRole::Input(fill) | TensorRole::Weight(fill) => matches!(fill, Fill::Uniform { .. } | Fill::Stored(_)),
        TensorRole::Computed => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::graph::{JobVars, Memory};
    use crate::manifest::Model;
    use crate::units::Bytes;

    #[test]
    #[expect(clippy::float_cmp, reason = "rounding is exact")]
    fn halves_are_the_nearest_and_never_subnormal() {
        let half = |value: f32| Element::F16.stored(value);
        assert_eq!([half(1.0), half(-0.1), half(2049.0), half(2051.0)], [1.0, -0.099_975_586, 2048.0, 2052.0]);
        assert_eq!([half(6.1e-5), half(-1e-7), half(SMALLEST_NORMAL)], [0.0, 0.0, SMALLEST_NORMAL]);
        assert!(half(65_520.0).is_infinite() && half(65_519.0) == 65_504.0);
        assert_eq!(Element::F16.bytes(&[1.0, -2.0, 0.5]), [0, 0x3c, 0, 0xc0, 0, 0x38, 0, 0]);
        assert_eq!(Element::F32.bytes(&[1.0]), [0, 0, 0x80, 0x3f]);
    }

    #[test]
    fn fp16_is_how_weights_and_inputs_are_stored() {
        let text = "family = 'text'\n[[input]]\nname = 'x'\nshape = [3, 5]\n[[input]]\nname = 'own'\nshape = [15]\n\
                    [[input]]\nname = 'ids'\nshape = [3]\nfill = 'tokens'\nbelow = 4\n\
                    [[stage]]\nop = 'linear'\nin = ['x']\nweights = { weight = [5, 3], bias = [3] }\nout = { y = [3, 3] }\n\
                    [[stage]]\nop = 'mine'\nshader = 'mine.wgsl'\nin = ['own']\nout = { z = [15] }\n\
                    [[stage]]\nop = 'embedding'\nin = ['ids']\nweights = { weight = [4, 6] }\nout = { e = [3, 6] }\n";
        let model = Model::parse("m", Path::new("m.toml"), text).unwrap();
        let graph =
            |dtype: &str| Graph::of(&model, &JobVars { dtype: dtype.to_owned(), ..JobVars::default() }).unwrap();
        let half = graph("fp16");
        let halves: Vec<&str> = half
            .tensors
            .iter()
            .filter(|tensor| tensor.element == Element::F16)
            .map(|tensor| tensor.name.as_str())
            .collect();
        assert_eq!(halves, ["x", "linear.weight", "linear.bias", "embedding.weight"]);
        // Fifteen elements and three are padded to whole words.
        assert_eq!(half.tensors.iter().map(Tensor::bytes).take(1).collect::<Vec<_>>(), [32]);
        assert_eq!(half.stages[0].bytes, Bytes(32 + 32 + 8 + 36));
        assert_eq!(graph("fp32").stages[0].bytes, Bytes(4 * (15 + 15 + 3 + 9)));
        assert_eq!(Memory::of(&half).buffers[0], 32);
    }
}
