//! A `.safetensors` file of weights. The first byte chooses what is asked of it; the rest is the file, or its header on a line,
//! whose length is then put before it, and the values.

use super::super::{with_length, write};
use gpujobs::graph::{Element, Fill, Stored, Tensor, TensorRole, Values};
use gpujobs::reference::fill;

/// Names of tensors, the order of their axes, and the shape that they must make together.
const ASKED: [(&[&str], &[usize], &[usize]); 8] = [
    (&["a"], &[], &[2, 3]),
    (&["a"], &[1, 0], &[3, 2]),
    (&["a", "b"], &[], &[2, 6]),
    (&["a", "b"], &[1, 0], &[3, 4]),
    (&["c"], &[], &[4]),
    (&["a"], &[2, 0, 1], &[2, 3]),
    (&["d"], &[2, 0, 1], &[2, 1, 2]),
    (&["e"], &[], &[0]),
];

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let (names, permute, shape) = ASKED[usize::from(*choice) % ASKED.len()];
    let file = write("weights.safetensors", &with_length(bytes, 8));
    let tensors = names.iter().map(|name| (*name).to_owned()).collect();
    let role = TensorRole::Weight(Fill::Stored(Stored { file, tensors, permute: permute.to_vec() }));
    let element = if *choice >= 128 { Element::F16 } else { Element::F32 };
    let tensor = Tensor { name: "w".to_owned(), shape: shape.to_vec(), role, element, texture: None };
    match fill(&tensor) {
        Ok(Values::Floats(values)) => {
            assert_eq!(values.len(), tensor.len());
            assert!(values.iter().all(|value| value.is_finite()), "a weight that is not finite");
        }
        Ok(Values::Whole(_)) => panic!("weights are no whole numbers"),
        Err(error) => drop(error.to_string()),
    }
}
