//! Ops on the last dimension or on runs of consecutive elements.

use super::view::{Checked, Complaint, View, count, divides};

/// Over the last dimension of s = x, or of s = x + residual: (s - mean) / sqrt(variance + eps) · weight + bias.
pub(super) fn layer_norm(v: &View<'_>) -> Checked {
    v.counts(1..=2, &["weight", "bias"], &[])?;
    v.params(&["eps"])?;
    let x = v.rank(0, 1)?;
    v.weight_is("weight", &x[x.len() - 1..])?;
    v.weight_is("bias", &x[x.len() - 1..])?;
    v.output_is(x)?;
    if v.stage.inputs.len() == 2 {
        v.input_is(1, x)?;
    }
    // Per element: two sums, a square, and four to normalise; one more where a residual is added.
    Ok((7 + v.stage.inputs.len() as u64) * count(x))
}

/// Over the last dimension; with `causal`, row i of [.., t, t] sees its elements 0 to i, and the others become zero.
pub(super) fn softmax(v: &View<'_>) -> Checked {
    v.params(&["causal"])?;
    let elements = v.same(1)?;
    if v.switch("causal")? {
        let x = v.rank(0, 2)?;
        let (t, s) = (x[x.len() - 2], x[x.len() - 1]);
        if t != s {
            let message = format!("`causal` needs as many keys as queries, not {s} and {t}");
            return Err(Complaint::Other(message));
        }
    }
    // Per element: maximum, subtraction, exponential, sum, division.
    Ok(5 * elements)
}

/// One value of each run of consecutive elements; the output's length divides the input's.
pub(super) fn reduction(v: &View<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    v.params(&[])?;
    divides(v, v.stage.outputs[0])?;
    Ok(count(v.input(0)))
}
