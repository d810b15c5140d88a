//! An element type is how a tensor's values lie in its GPU buffer; references compute from the values that it can hold.
//!
//! `build` gives each tensor its type as written, or from the job's dtype; templates see it as `element`, the page loads its bytes.

use std::collections::HashMap;

use half::f16;

use super::ops;
use super::{Fill, Graph, Tensor, TensorId, TensorRole};
use crate::manifest::model::Element;

/// The smallest normal f16. WGSL lets a device take a smaller one for zero, so none is stored.
const SMALLEST_NORMAL: f32 = 1.0 / 16_384.0;

/// What a buffer of a tensor holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of f32 or f16, which f32 holds exactly.
    Floats(Vec<f32>),
    /// Of i32 or u32.
    Whole(Vec<i64>),
}

impl Values {
    /// Those of `len` elements in little-endian bytes.
    #[must_use]
    pub fn decode(element: Element, bytes: &[u8], len: usize) -> Self {
        let words = bytes.as_chunks::<4>().0.iter().take(len);
        match element {
            Element::F32 => Self::Floats(words.map(|word| f32::from_le_bytes(*word)).collect()),
            Element::F16 => {
                let halves = bytes.as_chunks::<2>().0.iter().take(len);
                Self::Floats(halves.map(|half| f16::from_le_bytes(*half).to_f32()).collect())
            }
            Element::I32 => Self::Whole(words.map(|word| i64::from(i32::from_le_bytes(*word))).collect()),
            Element::U32 => Self::Whole(words.map(|word| i64::from(u32::from_le_bytes(*word))).collect()),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Whole(values) => values.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each as a number, exactly.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        let (floats, whole) = match self {
            Self::Floats(values) => (values.as_slice(), &[][..]),
            Self::Whole(values) => (&[][..], values.as_slice()),
        };
        floats.iter().map(|value| f64::from(*value)).chain(whole.iter().map(|value| *value as f64))
    }
}

impl Element {
    /// The value that is stored in place of `value`: in f16 the nearest one, the even one of two, and 0 for what a normal
    /// f16 can't hold. Infinite where `value` is too large.
    #[must_use]
    pub fn stored(self, value: f32) -> f32 {
        match self {
            Self::F32 | Self::I32 | Self::U32 => value,
            Self::F16 if value.abs() < SMALLEST_NORMAL => 0.0,
            Self::F16 => f16::from_f32(value).to_f32(),
        }
    }

    /// The little-endian bytes of values that it can hold, with zeros up to a multiple of 4.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range of the type")]
    pub fn bytes(self, values: &Values) -> Vec<u8> {
        match (self, values) {
            (Self::F16, Values::Floats(values)) => {
                let halves = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes());
                halves.chain(std::iter::repeat_n(0, 2 * (values.len() % 2))).collect()
            }
            (_, Values::Floats(values)) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            (Self::I32, Values::Whole(values)) => {
                values.iter().flat_map(|value| (*value as i32).to_le_bytes()).collect()
            }
            (_, Values::Whole(values)) => values.iter().flat_map(|value| (*value as u32).to_le_bytes()).collect(),
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
    // What a model's inputs were written to be stays so where the user's own shader reads them.
    let typed: HashMap<TensorId, Element> = graph.tensors.iter().map(|tensor| tensor.element).enumerate().collect();
    for tensor in &mut graph.tensors {
        if is_numbers(tensor) {
            tensor.element = Element::F16;
        }
    }
    for stage in graph.stages.iter().filter(|stage| ops::named(&stage.op).is_none()) {
        for id in stage.inputs.iter().chain(stage.weights.values()) {
            graph.tensors[*id].element = typed[id];
        }
    }
}

fn is_numbers(tensor: &Tensor) -> bool {
    !tensor.element.is_whole()
        && tensor.texture.is_none()
        && match &tensor.role {
            TensorRole::Input(fill) | TensorRole::Weight(fill) => {
                matches!(fill, Fill::Uniform { .. } | Fill::Stored(_) | Fill::File(_))
            }
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
        assert_eq!(Element::F16.bytes(&Values::Floats(vec![1.0, -2.0, 0.5])), [0, 0x3c, 0, 0xc0, 0, 0x38, 0, 0]);
        assert_eq!(Element::F32.bytes(&Values::Floats(vec![1.0])), [0, 0, 0x80, 0x3f]);
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
