//! Where an element lies.

/// Row-major position to an index a dimension.
pub(crate) fn index(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|extent| {
            let here = at % extent;
            at /= extent;
            here
        })
        .collect();
    index.reverse();
    index
}
