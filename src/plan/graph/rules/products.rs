//! Products of matrices, and convolutions as such.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use super::view::{Checked, Complaint, View, count, ending};

/// [.., m, k] × [k, n] -> [.., m, n], with sums of `accumulate` bits.
pub(super) fn matmul(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.params(&["accumulate"])?;
    let accumulate = v.int("accumulate", Some(32), 0)?;
    if !matches!(accumulate, 16 | 32) {
        let message = format!("`accumulate` is {accumulate}, expected 32 (sums in f32) or 16 (in f16)");
        return Err(Complaint::Other(message));
    }
    let (a, b) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let (k, n) = (a[a.len() - 1], b[b.len() - 1]);
    v.input_is(1, &[k, n])?;
    v.output_is(&ending(a, 1, &[n]))?;
    Ok(2 * count(a) * n as u64)
}

/// [.., m, k] × [.., k, n], or × [.., n, k] transposed with `transpose_b` -> [.., m, n], a matrix at a time.
pub(super) fn batch_matmul(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.params(&["transpose_b"])?;
    let (a, b) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let k = a[a.len() - 1];
    let n = b[b.len() - if v.switch("transpose_b")? { 2 } else { 1 }];
    v.input_is(1, &ending(a, 2, &if v.switch("transpose_b")? { [n, k] } else { [k, n] }))?;
    v.output_is(&ending(a, 1, &[n]))?;
    Ok(2 * count(a) * n as u64)
}

/// out = activation(x · weight + bias) + residual, with x [.., k] and weight [k, n].
pub(super) fn linear(v: &View<'_>) -> Checked {
    v.counts(1..=2, &["weight"], &["bias"])?;
    v.params(&["activation"])?;
    v.activation()?;
    let x = v.rank(0, 1)?;
    let n = v.weight_rank("weight", 2)?[1];
    v.weight_is("weight", &[x[x.len() - 1], n])?;
    v.weight_is("bias", &[n])?;
    let out = ending(x, 1, &[n]);
    v.output_is(&out)?;
    if v.stage.inputs.len() == 2 {
        v.input_is(1, &out)?;
    }
    Ok(2 * count(x) * n as u64)
}

/// out = activation(conv(x) + bias) + position, with x [.., t, c] and weight [taps, c, n].
pub(super) fn conv1d(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias", "position"])?;
    v.params(&["activation", "padding", "stride"])?;
    v.activation()?;
    let (stride, padding) = (v.int("stride", Some(1), 1)?, v.int("padding", Some(0), 0)?);
    let x = v.rank(0, 2)?;
    let (t, c) = (x[x.len() - 2], x[x.len() - 1]);
    let weight = v.weight_rank("weight", 3)?;
    let (taps, n) = (weight[0], weight[2]);
    v.weight_is("weight", &[taps, c, n])?;
    v.weight_is("bias", &[n])?;
    let Some(room) = (t + 2 * padding).checked_sub(taps) else {
        return Err(Complaint::Other(format!("{taps} taps do not fit {t} steps padded by {padding} on each side")));
    };
    let t_out = room / stride + 1;
    v.weight_is("position", &[t_out, n])?;
    let out = ending(x, 2, &[t_out, n]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * (taps * c) as u64)
}
